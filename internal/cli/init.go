package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/scaffold"
)

type initOptions struct {
	template string
	force    bool
}

func newInitCommand(a *app) *cobra.Command {
	var options initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first Colabofile",
		Long: `init writes a Colabofile into the folder, and asks nothing. Without --template it goes by what stands there: the services of
a compose file, or a Dockerfile, become app containers of one machine. What is there already is not overwritten.`,
		Example: "  colabo init\n  colabo init --template postgres && colabo up",
		Args:    arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return a.runInit(options)
		},
	}
	cmd.Flags().StringVar(&options.template, "template", "", "one of "+strings.Join(scaffold.Templates(), ", "))
	cmd.Flags().BoolVarP(&options.force, "force", "f", false, "overwrite what is there")
	// It fails only for a flag that there is not.
	_ = cmd.RegisterFlagCompletionFunc("template", cobra.FixedCompletions(scaffold.Templates(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) runInit(options initOptions) error {
	dir, err := a.directory()
	if err != nil {
		return err
	}
	draft, err := scaffold.Make(dir, options.template)
	if errors.Is(err, scaffold.ErrUnknownTemplate) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(draft.Files))
	if !options.force {
		if err := nothingThere(dir, names); err != nil {
			return err
		}
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.WriteFile(path, []byte(draft.Files[name]), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return a.printDraft(draft, names)
}

// nothingThere is an error for the first file that would be overwritten.
func nothingThere(dir string, names []string) error {
	for _, name := range names {
		_, err := os.Lstat(filepath.Join(dir, name))
		if err == nil {
			return hint.New(fmt.Errorf("%s is there already", filepath.Join(dir, name)), "edit it, or overwrite it by `colabo init --force`")
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (a *app) printDraft(draft scaffold.Draft, names []string) error {
	if a.global.json {
		return a.printJSON(map[string]any{"type": "init", "template": draft.Template, "files": names, "left": draft.Left})
	}
	for _, line := range draft.Left {
		fmt.Fprintf(a.Err, "! not carried over: %s\n", line)
	}
	_, err := fmt.Fprintf(a.Out, "wrote %s, from %s; look at it, then run `colabo up`\n", strings.Join(names, ", "), draft.Template)
	return err
}
