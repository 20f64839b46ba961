package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// observed is what there is: the records, the machines as their providers know them, and the forwards.
type observed struct {
	machines map[string]observedMachine
	forwards forward.Status
}

// observedMachine is one machine as it is.
type observedMachine struct {
	choice choice
	record *state.Machine    // nil: no intent was ever written
	status *providers.Status // nil: the provider has no such machine
	edited map[string]string // by key of the Colabofile: how it differs from what the machine should be, by somebody else's hand
	drift  map[string]string // by step: why it has to run again although its inputs are the same
}

// running says that the guest can be talked to.
func (m observedMachine) running() bool {
	return m.status != nil && m.status.State == providers.Running
}

// observe looks at the machines with these names. It changes nothing and waits for nobody.
func (e *Engine) observe(ctx context.Context, names []string) (*observed, error) {
	seen := &observed{machines: map[string]observedMachine{}}
	makers, err := e.makers(ctx, names)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	var problems []error
	for _, name := range names {
		group.Go(func() {
			machine, err := e.observeMachine(ctx, name, makers[name])
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems = append(problems, fmt.Errorf("machine %s: %w", name, err))
			}
			seen.machines[name] = machine
		})
	}
	group.Wait()
	if err := errors.Join(problems...); err != nil {
		return seen, err
	}
	seen.forwards, err = forward.Inspect(ctx, e.folder.Path())
	return seen, err
}

func (e *Engine) observeMachine(ctx context.Context, name, maker string) (observedMachine, error) {
	record, err := e.folder.Machine(name)
	if err != nil {
		return observedMachine{}, err
	}
	chosen, err := e.choose(ctx, name, maker)
	if err != nil {
		return observedMachine{record: record}, err
	}
	machine := observedMachine{record: record, choice: chosen}
	provider, err := e.provider(ctx, chosen.name)
	if err != nil {
		return machine, err
	}
	status, err := provider.Inspect(ctx, e.machineID(name))
	if errors.Is(err, providers.ErrNotFound) {
		return machine, nil
	}
	if err != nil {
		return machine, err
	}
	machine.status = &status
	return machine, nil
}

// names returns the machines of the Colabofile, in its order; those given, where there are any.
func (e *Engine) names(only []string) []string {
	var names []string
	for _, machine := range e.Project.Machines {
		if len(only) == 0 || slices.Contains(only, machine.Name) {
			names = append(names, machine.Name)
		}
	}
	return names
}
