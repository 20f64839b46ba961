package engine

import (
	"context"
	"fmt"

	"github.com/colabo/colabo/internal/hint"
)

// Provision runs the steps of machines that run already, and makes their checks. It starts and makes no machine.
func (e *Engine) Provision(ctx context.Context, options UpOptions) ([]MachineStatus, error) {
	if err := e.knowMachines(options.Machines); err != nil {
		return nil, err
	}
	seen, err := e.observe(ctx, e.names(options.Machines))
	if err != nil {
		return nil, err
	}
	for _, name := range e.names(options.Machines) {
		if !seen.machines[name].running() || seen.machines[name].record == nil {
			return nil, hint.New(fmt.Errorf("machine %s does not run", name), "run `colabo up "+name+"`")
		}
	}
	options.KeepMachines = true
	return e.Up(ctx, options)
}
