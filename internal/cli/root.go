// Package cli is the command line: one file a command, each a constructor that reads flags into an options struct and
// a run function that loads, calls the engine and renders. What things mean is the engine's business.
package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/redact"
	"github.com/colabo/colabo/internal/ui"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// Program is what the binary is made of.
type Program struct {
	Version   string
	Providers []providers.Kind    // in order of preference for provider = "auto"
	Steps     []provisioners.Kind // types of provision steps
}

// app is one invocation.
type app struct {
	Program
	ui.Streams
	global  globalOptions
	secrets redact.Set  // of the Colabofile, as far as they were read
	timings *ui.Timings // of the stages of this run; nil where nobody asked
	command string      // the name of the command that runs
}

// globalOptions hold for every command.
type globalOptions struct {
	dir      string
	json     bool
	quiet    bool
	debug    bool
	noColor  bool
	vars     []string
	provider string
	noWait   bool // of the commands that take the project's lock
}

// Main runs one command line and returns its exit code. The first interrupt ends the command at its next safe point,
// the second one at once; so does the loss of whoever reads its output, quietly.
func Main(program Program, args []string, streams ui.Streams) int {
	ctx, cancel := untilEnded()
	defer cancel()
	streams, unread := watchReaders(streams, cancel)
	a := &app{Program: program, Streams: streams}
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	err := root.ExecuteContext(ctx)
	if !unread.Load() {
		a.printError(err)
		return exitCode(err)
	}
	if !errors.Is(err, syscall.EPIPE) && (!errors.Is(err, context.Canceled) || isType[*engine.InterruptedError](err)) {
		a.printError(err)
	}
	return exitUnread
}

const rootLong = `colabo runs the development environment of a project: machines, databases with their dummy data and app
containers, as the Colabofile in the project's folder describes them, on KVM/libvirt or Docker.

Exit status: 0 done, 1 failed, 2 usage, 3 Colabofile, 4 provider not usable here, 5 no such machine or box,
6 provisioning failed and the machine is up, 7 checks failed, 130 interrupted, 141 nobody reads the output. ssh and exec pass on the remote code.`

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "colabo",
		Short:         "Development environments from one file",
		Long:          rootLong,
		Example:       "  colabo up        # make and start what the Colabofile describes\n  colabo ssh       # walk in\n  colabo destroy   # leave nothing behind",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.command = cmd.Name()
			if err := cmd.ValidateFlagGroups(); err != nil {
				return usageError{err}
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.global.dir, "directory", "C", "", "work as if colabo was started in `DIR`")
	flags.BoolVar(&a.global.json, "json", false, "print events and results as JSON, an object a line")
	flags.BoolVarP(&a.global.quiet, "quiet", "q", false, "print results and errors only")
	flags.BoolVar(&a.global.debug, "debug", false, "log what happens in detail to stderr")
	flags.BoolVar(&a.global.noColor, "no-color", false, "no colours (also: NO_COLOR)")
	flags.StringArrayVar(&a.global.vars, "var", nil, "set a variable of the Colabofile, `NAME=VALUE`")
	flags.StringVar(&a.global.provider, "provider", "", "the provider of new machines: "+a.providerNames()+" (also: COLABO_PROVIDER)")
	root.AddCommand(
		newUpCommand(a), newPlanCommand(a), newStatusCommand(a), newSSHCommand(a), newExecCommand(a), newProvisionCommand(a),
		newHaltCommand(a), newReloadCommand(a), newDestroyCommand(a),
		newPortCommand(a), newLsCommand(a), newGCCommand(a), newDoctorCommand(a), newLogsCommand(a), newInitCommand(a),
		newBoxCommand(a), newValidateCommand(a), newVersionCommand(a), newAgentCommand(a),
	)
	root.InitDefaultCompletionCmd()
	completeFlags(root, a)
	return root
}

func (a *app) providerNames() string {
	names := []string{"auto"}
	for _, kind := range a.Providers {
		names = append(names, kind.Name)
	}
	return strings.Join(names, ", ")
}

// arguments makes a wrong number of arguments a usage error.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}
