package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
	"github.com/colabo/colabo/internal/ui"
)

func newSSHCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "ssh [MACHINE] [-- COMMAND...]",
		Short: "Log in to a machine",
		Long: `ssh opens a shell of the login user in a machine: the named one, the primary one, or the only one. With a command
after --, the login shell runs that instead, and its exit code is passed on.`,
		Example:           "  colabo ssh\n  colabo ssh dev -- 'echo $HOSTNAME | tee name'",
		ValidArgsFunction: a.completeMachine,
		RunE: func(cmd *cobra.Command, args []string) error {
			machine, command, err := splitSSHArguments(cmd, args)
			if err != nil {
				return err
			}
			return a.runSSH(cmd.Context(), machine, command)
		},
	}
}

// splitSSHArguments takes the machine from before the dashes and the command from behind them.
func splitSSHArguments(cmd *cobra.Command, args []string) (machine string, command []string, err error) {
	before := args
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		before, command = args[:dash], args[dash:]
	}
	switch len(before) {
	case 0:
		return "", command, nil
	case 1:
		return before[0], command, nil
	}
	return "", nil, usageError{fmt.Errorf("one machine at a time; a command goes behind --: usage: %s", cmd.UseLine())}
}

func (a *app) runSSH(ctx context.Context, machine string, command []string) error {
	return a.withEngine(func(e *engine.Engine) error {
		reached, err := e.Reach(ctx, machine)
		if err != nil {
			return err
		}
		if reached.SSH != nil {
			if ssh, err := exec.LookPath("ssh"); err == nil {
				return a.becomeSSH(ssh, reached, command)
			}
		}
		g, err := reached.Guest(ctx)
		if err != nil {
			return err
		}
		defer g.Close()
		return a.runInGuest(ctx, g, guest.Command{
			Argv: loginShell(command), Env: reached.Env,
		}, len(command) == 0 && ui.IsTerminal(a.In))
	})
}

// becomeSSH replaces this process by OpenSSH's client: terminal, signals and escapes are then what its users know.
func (a *app) becomeSSH(ssh string, reached *engine.Reached, command []string) error {
	login := *reached.SSH
	line := ""
	if len(command) > 0 || len(reached.Env) > 0 { // sshd takes no environment from us: the shell is started with it
		var err error
		line, err = sshguest.CommandLine(guest.Command{Argv: loginShell(command), Env: reached.Env}, login.User)
		if err != nil {
			return err
		}
		if len(command) == 0 {
			login.Options = []string{"-t"}
		}
	}
	arguments, err := login.Args()
	if err != nil {
		return err
	}
	argv := append([]string{ssh}, arguments...)
	if line != "" {
		argv = append(argv, line)
	}
	return fmt.Errorf("start %s: %w", ssh, syscall.Exec(ssh, argv, os.Environ()))
}

// loginShell is the argv of the user's own shell, as a login shell, running a command line or its prompt. The shell is
// looked up in the guest: only that knows it.
func loginShell(command []string) []string {
	const start = `shell=$(getent passwd "$(id -un)" | cut -d: -f7); export SHELL="${shell:-/bin/sh}"; exec "$SHELL" -l`
	if len(command) == 0 {
		return []string{"sh", "-c", start}
	}
	return []string{"sh", "-c", start + ` -c "$1"`, "sh", strings.Join(command, " ")}
}
