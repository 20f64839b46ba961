package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/guest"
)

type execOptions struct {
	tty  bool
	user string
	dir  string
}

func newExecCommand(a *app) *cobra.Command {
	var options execOptions
	cmd := &cobra.Command{
		Use:     "exec MACHINE -- COMMAND [ARG...]",
		Short:   "Run one command in a machine",
		Long:    "exec runs a command without a shell: arguments arrive as they are. Input, output and the exit code are the command's own.",
		Example: "  colabo exec dev -- systemctl status postgresql\n  colabo exec dev -u root -- sh -c 'id > /root/id'\n  cat dump.sql | colabo exec dev -- psql funtime",
		Args:    arguments(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runExec(cmd.Context(), args[0], args[1:], options)
		},
	}
	cmd.Flags().BoolVarP(&options.tty, "tty", "t", false, "run the command on a terminal")
	cmd.Flags().StringVarP(&options.user, "user", "u", "", "run it as this `USER` instead of the login user")
	cmd.Flags().StringVarP(&options.dir, "workdir", "w", "", "run it in this `DIR` of the guest")
	return cmd
}

func (a *app) runExec(ctx context.Context, machine string, argv []string, options execOptions) error {
	return a.withEngine(func(e *engine.Engine) error {
		reached, err := e.Reach(ctx, machine)
		if err != nil {
			return err
		}
		g, err := reached.Guest(ctx)
		if err != nil {
			return err
		}
		defer g.Close()
		return a.runInGuest(ctx, g, guest.Command{
			Argv: argv, Env: reached.Env, Dir: options.dir, User: options.user,
		}, options.tty)
	})
}

// runInGuest connects a command in the guest with this process's streams.
func (a *app) runInGuest(ctx context.Context, g guest.Guest, command guest.Command, tty bool) error {
	command.Stdin, command.Stdout, command.Stderr = a.In, a.Out, a.Err
	if !tty {
		return passOn(g.Run(ctx, command))
	}
	terminal, restore, err := a.terminal(ctx)
	if err != nil {
		return err
	}
	defer restore()
	command.Terminal = terminal
	return passOn(g.Run(ctx, command))
}
