package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
)

func newReloadCommand(a *app) *cobra.Command {
	var up upOptions
	var stop stopOptions
	cmd := &cobra.Command{
		Use:               "reload [MACHINE...]",
		Short:             "Shut the machines down and bring them up again",
		Example:           "  colabo reload dev",
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runReload(cmd.Context(), args, up, stop)
		},
	}
	up.addFlags(cmd)
	stop.addFlags(cmd)
	a.addNoWait(cmd)
	return cmd
}

func (a *app) runReload(ctx context.Context, machines []string, up upOptions, stop stopOptions) error {
	var statuses []engine.MachineStatus
	err := a.withEngine(func(e *engine.Engine) error {
		var err error
		statuses, err = e.Reload(ctx, up.engineOptions(machines), stop.grace())
		return err
	})
	return a.printOutcome(statuses, err)
}
