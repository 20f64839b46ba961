package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/colabo/colabo/internal/engine"
)

func newProvisionCommand(a *app) *cobra.Command {
	var with []string
	cmd := &cobra.Command{
		Use:               "provision [MACHINE...]",
		Short:             "Run the provision steps again",
		Long:              "provision runs the steps of running machines whether or not they succeeded before, those with run = \"never\" only when they are named.",
		Example:           "  colabo provision\n  colabo provision --with db dev",
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runProvision(cmd.Context(), args, with)
		},
	}
	cmd.Flags().StringSliceVar(&with, "with", nil, "run just the steps of these `NAMES` or types")
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "provision-with" { // what up calls it
			name = "with"
		}
		return pflag.NormalizedName(name)
	})
	a.addNoWait(cmd)
	return cmd
}

func (a *app) runProvision(ctx context.Context, machines, with []string) error {
	var statuses []engine.MachineStatus
	err := a.withEngine(func(e *engine.Engine) error {
		var err error
		statuses, err = e.Provision(ctx, engine.UpOptions{Machines: machines, Only: with, Steps: engine.StepsForced})
		return err
	})
	return a.printOutcome(statuses, err)
}

// joinNames is a list of names for a sentence.
func joinNames(names []string) string { return strings.Join(names, ", ") }
