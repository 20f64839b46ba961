package engine

import (
	"context"

	"github.com/colabo/colabo/providers"
)

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
	// Refused: `up` does nothing at all as long as this machine would have to be made anew without --recreate.
	Refused bool `json:"refused,omitempty"`
}

// PlannedAction is one thing that would be done, and why.
type PlannedAction struct {
	Kind    string          `json:"kind"` // recreate, create, change, restart, start, remove, forward, step, check
	Name    string          `json:"name,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Changes []PlannedChange `json:"changes,omitempty"` // of recreate, change, restart
}

// PlannedChange is one key of a machine that is there and differs from what is wanted.
type PlannedChange struct {
	Key   string           `json:"key"`
	From  string           `json:"from"`
	To    string           `json:"to,omitempty"` // "" where somebody else changed it; From then says all
	Class providers.Change `json:"class"`
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
		machine := PlannedMachine{Machine: mp.machine, Provider: mp.provider, Actions: []PlannedAction{}, Refused: mp.refused}
		for _, a := range mp.actions {
			planned := PlannedAction{Kind: string(a.kind), Name: a.name, Reason: a.reason}
			for _, c := range a.changes {
				planned.Changes = append(planned.Changes, PlannedChange{Key: c.key, From: c.from, To: c.to, Class: c.class})
			}
			machine.Actions = append(machine.Actions, planned)
		}
		preview.Machines = append(preview.Machines, machine)
	}
	return preview, nil
}

// String is the plan as text, a line an action.
func (p *Preview) String() string { return p.plan.String() }

// Changes says whether an `up` would change anything, --recreate or not: checks alone change nothing.
func (p *Preview) Changes() bool { return p.plan.changes() }
