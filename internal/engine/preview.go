package engine

import "context"

// Preview is what an `up` would do.
type Preview struct {
	Machines []PlannedMachine
	plan     plan
}

// PlannedMachine is what an `up` would do to one machine, in order.
type PlannedMachine struct {
	Machine  string          `json:"machine"`
	Provider string          `json:"provider"`
	Actions  []PlannedAction `json:"actions"`
	// Stale are the changes that need a machine made anew, which `up` leaves to `destroy`: "memory 1GiB -> 2GiB".
	Stale []string `json:"stale,omitempty"`
}

// PlannedAction is one thing that would be done, and why.
type PlannedAction struct {
	Kind   string `json:"kind"` // create, start, forward, step, check
	Name   string `json:"name,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Plan says what Up would do with the same options. It touches nothing, takes no lock and waits for nobody.
func (e *Engine) Plan(ctx context.Context, options UpOptions) (*Preview, error) {
	if err := e.knowMachines(options.Machines); err != nil {
		return nil, err
	}
	names := e.withDependencies(options.Machines)
	e.peekSecrets(e.refs(names))
	found, err := e.examine(ctx, names, options)
	if err != nil {
		return nil, err
	}
	preview := &Preview{plan: found.todo}
	for _, mp := range found.todo {
		machine := PlannedMachine{Machine: mp.machine, Provider: mp.provider, Actions: []PlannedAction{}, Stale: mp.stale}
		for _, a := range mp.actions {
			machine.Actions = append(machine.Actions, PlannedAction{Kind: string(a.kind), Name: a.name, Reason: a.reason})
		}
		preview.Machines = append(preview.Machines, machine)
	}
	return preview, nil
}

// String is the plan as text, a line an action.
func (p *Preview) String() string { return p.plan.String() }

// Changes says whether an `up` would change anything: checks alone change nothing, a stale key is a change that waits.
func (p *Preview) Changes() bool { return p.plan.changes() }
