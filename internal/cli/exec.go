package cli

import (
	"context"
	"errors"
	"fmt"

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
		Use:   "exec MACHINE [--] COMMAND [ARG...]",
		Short: "Run one command in a machine",
		Long: `exec runs a command without a shell: arguments arrive as they are. Input, output and the exit code are the command's
own. Flags of exec come before the command; all behind it belongs to the command.`,
		Example: "  colabo exec dev systemctl status postgresql\n  colabo exec dev -u root -- sh -c 'id > /root/id'\n  cat dump.sql | colabo exec dev psql funtime",

		ValidArgsFunction: a.completeMachine,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				// Parsing stopped at the machine: the flags behind it are still to be read.
				if err := cmd.ParseFlags(args[1:]); err != nil {
					return flagError(cmd, err)
				}
				if help, err := cmd.Flags().GetBool("help"); help || err != nil {
					return errors.Join(cmd.Help(), err)
				}
			}
			argv := cmd.Flags().Args()
			if len(args) == 0 || len(argv) == 0 {
				return usageError{fmt.Errorf("a machine and a command are needed; usage: %s", cmd.UseLine())}
			}
			return a.runExec(cmd.Context(), args[0], argv, options)
		},
	}
	cmd.Flags().SetInterspersed(false) // flags of the command are not ours
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
