package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/ui"
)

func newDestroyCommand(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:               "destroy [MACHINE...]",
		Short:             "Remove the machines and all that belongs to them",
		Long:              "destroy removes the named machines, or the whole project: machines, disks, networks, containers, images made for it, port forwards and the .colabo folder. Boxes stay: they are shared by all projects (see `colabo box remove`).",
		Example:           "  colabo destroy\n  colabo destroy -f db",
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runDestroy(cmd.Context(), args, force)
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "don't ask")
	a.addNoWait(cmd)
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
	yes, err := a.ask(ctx, fmt.Sprintf("Remove %s and everything on them?", joinNames(found)))
	if err == nil && !yes {
		err = errors.New("nothing was removed")
	}
	return err
}

// ask puts a question that is answered with yes or no; the end of the input is a no. When ctx ends first, the reader of
// the answer is left behind; it ends with the next line.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	type reply struct {
		line string
		err  error
	}
	fmt.Fprintf(a.Err, "%s [y/N] ", question)
	replies := make(chan reply, 1)
	go func() {
		line, err := bufio.NewReader(a.In).ReadString('\n')
		replies <- reply{line, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.Err)
		return false, ctx.Err()
	case r := <-replies:
		if r.err != nil {
			fmt.Fprintln(a.Err) // no line break was typed
		}
		if errors.Is(r.err, io.EOF) {
			return false, nil
		}
		answer := strings.ToLower(strings.TrimSpace(r.line))
		return r.err == nil && (answer == "y" || answer == "yes"), r.err
	}
}
