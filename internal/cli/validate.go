package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newValidateCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Say all that is wrong with the Colabofile",
		Long:  "validate reads the Colabofile and every file it names, says all that is wrong with it, and runs nothing.",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return a.runValidate()
		},
	}
}

func (a *app) runValidate() error {
	project, err := a.project()
	if err != nil {
		return err
	}
	if err := a.knowProvider(); err != nil {
		return err
	}
	steps := 0
	for _, machine := range project.Machines {
		steps += len(machine.Steps)
	}
	if a.global.json {
		return a.printJSON(map[string]any{"type": "valid", "file": project.File, "machines": len(project.Machines), "steps": steps})
	}
	_, err = fmt.Fprintf(a.Out, "%s is valid: machines %d, steps %d\n", project.File, len(project.Machines), steps)
	return err
}
