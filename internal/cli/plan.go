package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
)

type planOptions struct {
	up           upOptions
	detailedExit bool
}

func newPlanCommand(a *app) *cobra.Command {
	var options planOptions
	cmd := &cobra.Command{
		Use:   "plan [MACHINE...]",
		Short: "Show what up would do, and touch nothing",
		Long: `plan looks at the machines as up does, and prints what up would do to each of them, in order, and why. What changed in the
Colabofile is applied by "change" (the machine runs on), "restart" (it is turned off, changed and started; what is on its disk stays)
or "recreate" (it is made anew; only up --recreate does that).

Exit status with --detailed-exitcode: 0 nothing to do, 2 there are changes.`,
		Example:           "  colabo plan\n  colabo plan --json | jq .actions\n  colabo plan --detailed-exitcode || echo 'not up to date'",
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runPlan(cmd.Context(), args, options)
		},
	}
	options.up.addFlags(cmd)
	options.up.addRecreate(cmd)
	cmd.Flags().BoolVar(&options.detailedExit, "detailed-exitcode", false, "exit with 2 when there are changes")
	return cmd
}

func (a *app) runPlan(ctx context.Context, machines []string, options planOptions) error {
	var preview *engine.Preview
	err := a.withEngine(func(e *engine.Engine) error {
		var err error
		preview, err = e.Plan(ctx, options.up.engineOptions(machines))
		return err
	})
	if err != nil {
		return err
	}
	if err := a.printPlan(preview); err != nil {
		return err
	}
	if options.detailedExit && preview.Changes() {
		return errChanges
	}
	return nil
}

func (a *app) printPlan(preview *engine.Preview) error {
	if !a.global.json {
		_, err := fmt.Fprint(a.Out, preview)
		return err
	}
	for _, machine := range preview.Machines {
		if err := a.printJSON(struct {
			Type string `json:"type"`
			engine.PlannedMachine
		}{"plan", machine}); err != nil {
			return err
		}
	}
	return nil
}
