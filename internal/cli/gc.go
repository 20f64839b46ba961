package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/ui"
)

type gcOptions struct {
	force  bool
	dryRun bool
}

func newGCCommand(a *app) *cobra.Command {
	var options gcOptions
	cmd := &cobra.Command{
		Use:   "gc [FOLDER...]",
		Short: "Remove what projects left whose folder is gone",
		Long: `gc removes the machines, disks, networks and images of projects whose folder, or the Colabofile in it, is not there any
more. They are found by their tags; nothing without one is touched, nor any project that still has its Colabofile, nor
one that another colabo works on. Boxes stay, see "colabo box remove". With folders, just what those projects left.`,
		Example: "  colabo gc --dry-run\n  colabo gc -f\n  colabo gc ~/src/old-project",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runGC(cmd.Context(), args, options)
		},
	}
	cmd.Flags().BoolVarP(&options.force, "force", "f", false, "don't ask")
	cmd.Flags().BoolVar(&options.dryRun, "dry-run", false, "only show what would be removed")
	return cmd
}

func (a *app) runGC(ctx context.Context, folders []string, options gcOptions) error {
	host, err := a.host()
	if err != nil {
		return err
	}
	projects, unusable, err := host.Projects(ctx)
	a.tellUnusable(unusable)
	if err != nil {
		return err
	}
	wanted, err := absolute(folders)
	if err != nil {
		return err
	}
	garbage := slices.DeleteFunc(projects, func(project engine.ProjectStatus) bool {
		// Who can't be asked may have machines of it: the project stays known until it can.
		unknown := len(project.Providers) == 0 && len(unusable) > 0
		return project.Gone == "" || unknown || len(wanted) > 0 && !slices.Contains(wanted, project.Dir)
	})
	if err := a.printGarbage(garbage); err != nil || options.dryRun || len(garbage) == 0 {
		return err
	}
	if !options.force {
		if !ui.IsTerminal(a.In) {
			return usageError{errors.New("gc asks before it removes anything, and there is no terminal to ask on: use --force")}
		}
		yes, err := a.ask(ctx, "Remove all of that?")
		if err == nil && !yes {
			err = errors.New("nothing was removed")
		}
		if err != nil {
			return err
		}
	}
	return a.collect(ctx, host, garbage)
}

// absolute makes paths absolute.
func absolute(paths []string) ([]string, error) {
	all := make([]string, 0, len(paths))
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		all = append(all, path)
	}
	return all, nil
}

// collect removes projects one after the other; one that can't be removed does not keep the others.
func (a *app) collect(ctx context.Context, host engine.Host, garbage []engine.ProjectStatus) error {
	progress := a.progress()
	defer progress.Close()
	var problems []error
	for _, project := range garbage {
		if ctx.Err() != nil {
			return errors.Join(append(problems, ctx.Err())...)
		}
		if err := host.Collect(ctx, project); err != nil {
			problems = append(problems, fmt.Errorf("project %s: %w", project.Dir, err))
			continue
		}
		progress.Handle(event.Event{Type: event.Notice, Text: "removed " + project.Name + " of " + project.Dir})
	}
	return errors.Join(problems...)
}

func (a *app) printGarbage(garbage []engine.ProjectStatus) error {
	if a.global.json {
		return a.printProjects(garbage)
	}
	if len(garbage) == 0 {
		_, err := fmt.Fprintln(a.Out, "there is nothing to remove")
		return err
	}
	rows := [][]string{{"NAME", "MACHINES", "FOLDER", "WHY"}}
	for _, project := range garbage {
		rows = append(rows, []string{orDash(project.Name), orDash(countText(project.Machines)), homeRelative(project.Dir), project.Gone})
	}
	return ui.Table(a.Out, rows)
}
