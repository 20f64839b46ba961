package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/internal/ui"
)

func newLsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "List all projects that have something on this host",
		Long:    "ls asks the providers for the machines of all projects, in whatever folder it is started. A project is known by the tags of its machines; what a lost folder left is listed too, see \"colabo gc\".",
		Example: "  colabo ls\n  colabo ls --json | jq -r .dir",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runLs(cmd.Context())
		},
	}
}

func (a *app) runLs(ctx context.Context) error {
	host, err := a.host()
	if err != nil {
		return err
	}
	projects, unusable, err := host.Projects(ctx)
	a.tellUnusable(unusable)
	if err != nil {
		return err
	}
	if a.global.json {
		return a.printProjects(projects)
	}
	if len(projects) == 0 {
		return nil
	}
	rows := [][]string{{"NAME", "MACHINES", "FOLDER"}}
	for _, project := range projects {
		folder := homeRelative(project.Dir)
		if project.Gone != "" {
			folder += " (" + project.Gone + ")"
		}
		rows = append(rows, []string{orDash(project.Name), orDash(countText(project.Machines)), orDash(folder)})
	}
	return ui.Table(a.Out, rows)
}

// host is what commands work on that are about no single project.
func (a *app) host() (engine.Host, error) {
	cache, cacheErr := userDir("XDG_CACHE_HOME", ".cache")
	registry, registryErr := a.registry()
	return engine.Host{Providers: a.Providers, Registry: registry, CacheDir: cache, Log: a.log()}, errors.Join(cacheErr, registryErr)
}

// registry is the list of the user's projects.
func (a *app) registry() (*state.Registry, error) {
	dir, err := userDir("XDG_STATE_HOME", ".local/state")
	return state.OpenRegistry(filepath.Join(dir, "projects")), err
}

// tellUnusable says in a line each which providers were not asked, and why.
func (a *app) tellUnusable(unusable map[string]error) {
	if a.global.quiet {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(unusable)) {
		fmt.Fprintf(a.Err, "not asked: %s\n", ui.OneLine(unusable[name].Error()))
	}
}

func (a *app) printProjects(projects []engine.ProjectStatus) error {
	for _, project := range projects {
		if err := a.printJSON(struct {
			Type string `json:"type"`
			engine.ProjectStatus
		}{"project", project}); err != nil {
			return err
		}
	}
	return nil
}

// countText is "2/3 docker": two of three machines run.
func countText(counts []engine.ProjectCount) string {
	var texts []string
	for _, count := range counts {
		texts = append(texts, fmt.Sprintf("%d/%d %s", count.Running, count.Total, count.Provider))
	}
	return strings.Join(texts, ", ")
}

// homeRelative is a path below the user's home folder as ~/PATH.
func homeRelative(path string) string {
	home := os.Getenv("HOME")
	if relative, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok && home != "" {
		return "~" + string(filepath.Separator) + relative
	}
	return path
}
