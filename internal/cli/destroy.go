package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/ui"
)

func newDestroyCommand(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "destroy [MACHINE...]",
		Short:   "Remove the machines and all that belongs to them",
		Long:    "destroy removes the named machines, or the whole project: machines, disks, networks, containers, images made for it, port forwards and the .colabo folder. Boxes stay: they are shared by all projects (see `colabo box remove`).",
		Example: "  colabo destroy\n  colabo destroy -f db",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runDestroy(cmd.Context(), args, force)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "don't ask")
	return cmd
}

func (a *app) runDestroy(ctx context.Context, machines []string, force bool) error {
	if !force {
		if err := a.confirmDestroy(ctx, machines); err != nil {
			return err
		}
	}
	return a.withEngine(func(e *engine.Engine) error {
		return e.Destroy(ctx, machines)
	})
}

func (a *app) confirmDestroy(ctx context.Context, machines []string) error {
	if !ui.IsTerminal(a.In) {
		return usageError{errors.New("destroy asks before it removes anything, and there is no terminal to ask on: use --force")}
	}
	var found []string
	err := a.withEngine(func(e *engine.Engine) error {
		var err error
		found, err = e.Leftovers(ctx, machines)
		return err
	})
	if err != nil || len(found) == 0 {
		return err
	}
	fmt.Fprintf(a.Err, "Remove %s and everything on them? [y/N] ", joinNames(found))
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("nothing was removed")
	}
	return nil
}
