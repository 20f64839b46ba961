package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/colabo/colabo/boxes"
	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/ui"
)

// project loads the Colabofile.
func (a *app) project() (*colabofile.Project, error) {
	dir := a.global.dir
	if dir == "" {
		dir = "."
	}
	path, err := colabofile.Find(dir)
	if err != nil {
		return nil, err
	}
	vars := map[string]string{}
	for _, assignment := range a.global.vars {
		name, value, ok := strings.Cut(assignment, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("--var %q: it has to be NAME=VALUE", assignment)}
		}
		vars[name] = value
	}
	return colabofile.Load(path, colabofile.Env{
		Providers: a.Providers, Steps: a.Steps, Vars: vars, Getenv: os.LookupEnv,
	})
}

// withEngine loads the project and works on it; progress is shown until work returns.
func (a *app) withEngine(work func(*engine.Engine) error) error {
	project, err := a.project()
	if err != nil {
		return err
	}
	if err := a.knowProvider(); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find colabo's own program: %w", err)
	}
	store, err := a.boxStore()
	if err != nil {
		return err
	}
	progress := ui.NewProgress(a.Streams, ui.Style{JSON: a.global.json, Quiet: a.global.quiet, Color: a.color()})
	defer progress.Close()
	e, err := engine.New(engine.Options{
		Project: project, Providers: a.Providers, Steps: a.Steps, Provider: a.chosenProvider(),
		Boxes: boxSource{store}, CacheDir: userDir("XDG_CACHE_HOME", ".cache"),
		Events: progress.Handle, Log: a.log(), Agent: []string{exe, agentCommand},
	})
	if err != nil {
		return err
	}
	defer e.Close()
	return work(e)
}

func (a *app) chosenProvider() string {
	if a.global.provider != "" {
		return a.global.provider
	}
	return os.Getenv("COLABO_PROVIDER")
}

func (a *app) knowProvider() error {
	chosen := a.chosenProvider()
	if chosen == "" || chosen == "auto" {
		return nil
	}
	for _, kind := range a.Providers {
		if kind.Name == chosen {
			return nil
		}
	}
	return usageError{fmt.Errorf("provider %q: there are %s", chosen, a.providerNames())}
}

func (a *app) log() *slog.Logger {
	if !a.global.debug {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (a *app) color() bool {
	return !a.global.noColor && os.Getenv("NO_COLOR") == "" && ui.IsTerminal(a.Err)
}

// printError tells what went wrong, an error a paragraph, with the one thing to do about it.
func (a *app) printError(err error) {
	if err == nil || isType[*remoteExit](err) || errors.Is(err, errChanges) {
		return
	}
	if a.global.json {
		// The stream may be what failed; there is nowhere left to say so.
		_ = a.printJSON(map[string]any{"type": "error", "text": err.Error(), "hint": hint.Of(err), "exit": exitCode(err)})
		return
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(a.Err, "colabo: interrupted; %s\n", strings.TrimPrefix(err.Error(), context.Canceled.Error()+": "))
		return
	}
	if isType[colabofile.Problems](err) {
		fmt.Fprintln(a.Err, err)
		return
	}
	for _, one := range ui.Flatten(err) {
		fmt.Fprintf(a.Err, "colabo: %v\n", one)
		if text := hint.Of(one); text != "" {
			fmt.Fprintf(a.Err, "  -> %s\n", text)
		}
	}
}

// printJSON writes one object on a line of its own.
func (a *app) printJSON(value any) error { return json.NewEncoder(a.Out).Encode(value) }

// boxStore opens the user's box store.
func (a *app) boxStore() (*boxes.Store, error) {
	return boxes.OpenStore(filepath.Join(userDir("XDG_DATA_HOME", ".local/share"), "boxes"))
}

// userDir is colabo's folder below one of the XDG base directories.
func userDir(variable, fallback string) string {
	base := os.Getenv(variable)
	if !filepath.IsAbs(base) { // the specification has relative paths ignored
		home, err := os.UserHomeDir()
		if err != nil {
			home = os.TempDir()
		}
		base = filepath.Join(home, fallback)
	}
	return filepath.Join(base, "colabo")
}

// boxSource gives the engine boxes from the store and from the recipes.
type boxSource struct{ *boxes.Store }

func (s boxSource) Buildable(name string) bool {
	_, known := boxes.FindRecipe(name)
	return known
}

func (s boxSource) Build(ctx context.Context, name string, report func(boxes.Progress)) (boxes.Box, error) {
	recipe, known := boxes.FindRecipe(name)
	if !known {
		return boxes.Box{}, hint.New(fmt.Errorf("box %q: %w, and there is no recipe of that name", name, boxes.ErrNotFound),
			"there are recipes for "+strings.Join(boxes.RecipeNames(), ", "))
	}
	return s.Store.Build(ctx, recipe, report)
}

// showBoxProgress turns a box's progress into events.
func showBoxProgress(progress ui.Progress, stage string) func(boxes.Progress) {
	return func(p boxes.Progress) {
		progress.Handle(event.Event{Type: event.Detail, Stage: stage, Text: strings.TrimSpace(p.Stage + " " + p.Detail)})
	}
}
