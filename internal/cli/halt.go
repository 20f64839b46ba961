package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
)

// stopOptions say how machines are stopped.
type stopOptions struct {
	timeout time.Duration
	force   bool
}

func (o *stopOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&o.timeout, "timeout", time.Minute, "how long a guest may take to shut down before it is turned off")
	cmd.Flags().BoolVarP(&o.force, "force", "f", false, "turn the machines off at once")
}

func (o *stopOptions) grace() time.Duration {
	if o.force {
		return 0
	}
	return o.timeout
}

func newHaltCommand(a *app) *cobra.Command {
	var options stopOptions
	cmd := &cobra.Command{
		Use:               "halt [MACHINE...]",
		Short:             "Shut the machines down",
		Example:           "  colabo halt\n  colabo halt db --force",
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runHalt(cmd.Context(), args, options)
		},
	}
	options.addFlags(cmd)
	a.addNoWait(cmd)
	return cmd
}

func (a *app) runHalt(ctx context.Context, machines []string, options stopOptions) error {
	return a.withEngine(func(e *engine.Engine) error {
		return e.Halt(ctx, machines, options.grace())
	})
}
