package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// findings are what an `up` goes by.
type findings struct {
	want  *desired
	have  *observed
	todo  plan
	ports map[string][]providers.Port // by machine, auto_correct applied
}

// examine finds out what is to be done, and all that is wrong before anything is made. It changes nothing.
func (e *Engine) examine(ctx context.Context, names []string, options UpOptions) (*findings, error) {
	have, err := e.observe(ctx, names)
	if err != nil {
		return nil, err
	}
	e.knowAddresses(have)
	want, err := e.resolve(ctx, have, names)
	if err != nil {
		return nil, err
	}
	if err := knowSteps(want, options); err != nil {
		return nil, err
	}
	if err := errors.Join(e.lookForEdits(ctx, want, have), e.lookForDrift(ctx, want, have)); err != nil {
		return nil, err
	}
	todo := makePlan(want, have, planOptions{
		Steps: options.Steps, Only: options.Only, Recreate: options.Recreate, KeepMachines: options.KeepMachines,
	})
	for i, machine := range want.machines {
		if !todo[i].has(actionCreate) {
			continue
		}
		if err := e.knowBox(machine.config.Box); err != nil {
			return nil, fmt.Errorf("machine %s: %w", machine.name, err)
		}
	}
	ports, err := takePorts(want, have, todo)
	return &findings{want: want, have: have, todo: todo, ports: ports}, err
}

// knowSteps is an error when a name of --provision-with is that of no step and no type: of each machine that was named,
// else of all together.
func knowSteps(want *desired, options UpOptions) error {
	for _, name := range options.Only {
		var lacking []string
		known := map[string]bool{}
		for _, machine := range want.machines {
			has := false
			for _, step := range machine.steps {
				known[step.config.Name], known[step.config.Type] = true, true
				has = has || step.config.Name == name || step.config.Type == name
			}
			if !has && (len(options.Machines) == 0 || slices.Contains(options.Machines, machine.name)) {
				lacking = append(lacking, machine.name)
			}
		}
		if len(lacking) == 0 || len(options.Machines) == 0 && known[name] {
			continue
		}
		return hint.New(fmt.Errorf("%s: no step of the name or type %q", strings.Join(lacking, ", "), name),
			"the steps are: "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return nil
}
