package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/boxes"
	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/ui"
)

// project loads the Colabofile.
func (a *app) project() (*colabofile.Project, error) {
	dir, err := a.directory()
	if err != nil {
		return nil, err
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
	return colabofile.Load(path, a.fileEnv(vars))
}

// fileEnv is what a Colabofile is read against.
func (a *app) fileEnv(vars map[string]string) colabofile.Env {
	return colabofile.Env{Providers: a.Providers, Steps: a.Steps, Vars: vars, Getenv: os.LookupEnv}
}

// directory is where the Colabofile is looked for.
func (a *app) directory() (string, error) {
	dir := a.global.dir
	if dir == "" {
		return ".", nil
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "stat", Path: dir, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return "", hint.New(usageError{fmt.Errorf("-C %s: %w", dir, reason(err))}, "-C takes the folder of a project, or one below it")
	}
	return dir, nil
}

// reason is a path error without its operation and path.
func reason(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
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
	cache, err := userDir("XDG_CACHE_HOME", ".cache")
	if err != nil {
		return err
	}
	registry, err := a.registry()
	if err != nil {
		return err
	}
	progress := a.progress()
	defer progress.Close()
	e, err := engine.New(engine.Options{
		Project: project, Providers: a.Providers, Steps: a.Steps, Provider: a.chosenProvider(),
		Boxes: boxSource{store}, CacheDir: cache, Registry: registry,
		Events: a.sink(progress), Log: a.log(), Agent: []string{exe, agentCommand},
		Secrets: &a.secrets, NoWait: a.global.noWait,
	})
	if err != nil {
		return err
	}
	defer e.Close()
	return work(e)
}

// progress shows events; detailed logs and live lines don't go together on one terminal.
func (a *app) progress() ui.Progress {
	return ui.NewProgress(a.Streams, ui.Style{
		JSON: a.global.json, Quiet: a.global.quiet, Plain: a.global.debug, Color: a.color(),
	})
}

// sink is where the engine's events go.
func (a *app) sink(progress ui.Progress) event.Sink {
	if a.timings == nil {
		return progress.Handle
	}
	return func(e event.Event) {
		a.timings.Handle(e)
		progress.Handle(e)
	}
}

func (a *app) chosenProvider() string {
	if a.global.provider != "" {
		return a.global.provider
	}
	return os.Getenv(providerVariable)
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
	source := "--provider " + chosen
	if a.global.provider == "" {
		source = "the environment has " + providerVariable + "=" + chosen
	}
	return usageError{fmt.Errorf("%s: no such provider; there are %s", source, a.providerNames())}
}

// providerVariable chooses a provider where --provider doesn't.
const providerVariable = "COLABO_PROVIDER"

func (a *app) log() *slog.Logger {
	if !a.global.debug {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.secrets.Writer(a.Err), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (a *app) color() bool {
	return !a.global.noColor && os.Getenv("NO_COLOR") == "" && ui.IsTerminal(a.Err)
}

// printJSON writes one object on a line of its own.
func (a *app) printJSON(value any) error { return ui.WriteJSON(a.Out, value) }

// addNoWait gives a command that changes the project the choice not to wait for another one.
func (a *app) addNoWait(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.global.noWait, "no-wait", false, "fail at once when another command works on this project")
}

// boxStore opens the user's box store.
func (a *app) boxStore() (*boxes.Store, error) {
	data, err := userDir("XDG_DATA_HOME", ".local/share")
	if err != nil {
		return nil, err
	}
	return boxes.OpenStore(filepath.Join(data, "boxes"))
}

// userDir is colabo's folder below one of the XDG base directories.
func userDir(variable, fallback string) (string, error) {
	base := os.Getenv(variable)
	if !filepath.IsAbs(base) { // the specification has relative paths ignored
		home := os.Getenv("HOME")
		if !filepath.IsAbs(home) {
			return "", hint.New(fmt.Errorf("find the folder of the user's data: neither HOME nor %s is an absolute path", variable),
				"set HOME or "+variable)
		}
		base = filepath.Join(home, fallback)
	}
	return filepath.Join(base, "colabo"), nil
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
