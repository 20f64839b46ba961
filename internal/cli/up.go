package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/ui"
)

type upOptions struct {
	provision     bool
	noProvision   bool
	provisionWith []string
	timings       bool
	recreate      bool
}

func newUpCommand(a *app) *cobra.Command {
	var options upOptions
	cmd := &cobra.Command{
		Use:   "up [MACHINE...]",
		Short: "Make and start the machines, run the steps that are due, wait for the checks",
		Long: `up brings the machines to what the Colabofile says: it makes what is missing, starts what is stopped, runs the
provision steps that never succeeded or whose inputs changed, and waits for the checks. Run twice, it does nothing the
second time. A step that fails leaves its machine up for a look; the next up goes on from there.

What changed in the Colabofile is applied to machines that are there: live where that is possible, else by a restart. A change
that only a machine made anew can have is refused without --recreate, before anything is done. "colabo plan" shows it first.`,
		Example:           "  colabo up\n  colabo up web --provider docker\n  colabo up --provision-with db\n  colabo up --recreate web",
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runUp(cmd.Context(), args, options)
		},
	}
	options.addFlags(cmd)
	options.addRecreate(cmd)
	cmd.Flags().BoolVar(&options.timings, "timings", false, "show in the end where the time went")
	a.addNoWait(cmd)
	return cmd
}

func (o *upOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.provision, "provision", false, "run the steps even if they succeeded before")
	cmd.Flags().BoolVar(&o.noProvision, "no-provision", false, "run no steps")
	cmd.Flags().StringSliceVar(&o.provisionWith, "provision-with", nil, "run just the steps of these `NAMES` or types")
	cmd.MarkFlagsMutuallyExclusive("provision", "no-provision")
	cmd.MarkFlagsMutuallyExclusive("provision-with", "no-provision")
}

// addRecreate is apart: `plan` and `up` have it.
func (o *upOptions) addRecreate(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.recreate, "recreate", false,
		"make machines anew that the Colabofile can't be applied to otherwise; what is on their disks is lost")
}

func (o *upOptions) engineOptions(machines []string) engine.UpOptions {
	up := engine.UpOptions{Machines: machines, Only: o.provisionWith, Recreate: o.recreate}
	switch {
	case o.noProvision:
		up.Steps = engine.StepsSkipped
	case o.provision:
		up.Steps = engine.StepsForced
	}
	return up
}

func (a *app) runUp(ctx context.Context, machines []string, options upOptions) error {
	if options.timings && !a.global.json { // events have the times in them
		a.timings = &ui.Timings{}
	}
	var statuses []engine.MachineStatus
	err := a.withEngine(func(e *engine.Engine) error {
		var err error
		statuses, err = e.Up(ctx, options.engineOptions(machines))
		return err
	})
	return a.printOutcome(statuses, errors.Join(err, a.printTimings()))
}

// printTimings shows where the time went, where the user wants to know.
func (a *app) printTimings() error {
	if a.timings == nil {
		return nil
	}
	columns, _ := ui.TerminalSize(a.Err)
	return a.timings.Write(a.Err, columns)
}
