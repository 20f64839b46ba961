package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/colabofile"
)

const validateLong = `validate reads the Colabofile, and the Colabofile.local that is merged over it, says all that is wrong with them, and runs
nothing: no command of a step, of a check or of a secret. It reads no other file, and only sees whether those that steps name are there.

With --schema it prints the JSON Schema of Colabofiles (draft 7) for editors to complete and check by. That needs no Colabofile.

Exit status: 0 valid, 3 something is wrong, or there is no Colabofile.`

const validateExample = `  colabo validate
  colabo validate --json          # each problem with file, line, column and key
  colabo validate --schema > colabofile.schema.json`

func newValidateCommand(a *app) *cobra.Command {
	var schema bool
	cmd := &cobra.Command{
		Use:     "validate",
		Short:   "Say all that is wrong with the Colabofile",
		Long:    validateLong,
		Example: validateExample,
		Args:    arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if schema {
				return a.printSchema()
			}
			return a.runValidate()
		},
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of Colabofiles instead")
	return cmd
}

func (a *app) printSchema() error {
	schema, err := colabofile.Schema(a.fileEnv(nil))
	if err != nil {
		return err
	}
	_, err = a.Out.Write(schema)
	return err
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
	if err := a.printValid(project.File, map[string]any{"machines": len(project.Machines), "steps": steps},
		fmt.Sprintf("machines %d, steps %d", len(project.Machines), steps)); err != nil || project.Local == "" {
		return err
	}
	return a.printValid(project.Local, map[string]any{"merged_over": project.File}, "merged over the Colabofile")
}

// printValid says that a file is valid, and more about it.
func (a *app) printValid(file string, more map[string]any, text string) error {
	if a.global.json {
		more["type"], more["file"] = "valid", file
		return a.printJSON(more)
	}
	_, err := fmt.Fprintf(a.Out, "%s is valid: %s\n", file, text)
	return err
}
