package engine

import (
	"context"
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
	want, err := e.resolve(ctx, have, names)
	if err != nil {
		return nil, err
	}
	if err := e.knowSteps(want, options.Only); err != nil {
		return nil, err
	}
	todo := makePlan(want, have, planOptions{Steps: options.Steps, Only: options.Only})
	for i, machine := range want.machines {
		if !todo[i].has(actionCreate) {
			continue
		}
		if err := e.knowBox(machine.config.Box); err != nil {
			return nil, fmt.Errorf("machine %s: %w", machine.name, err)
		}
	}
	ports, err := takePorts(want, have)
	return &findings{want: want, have: have, todo: todo, ports: ports}, err
}

// knowSteps is an error when a name of --provision-with is that of no step and no type.
func (e *Engine) knowSteps(want *desired, only []string) error {
	known := map[string]bool{}
	for _, machine := range want.machines {
		for _, step := range machine.steps {
			known[step.config.Name], known[step.config.Type] = true, true
		}
	}
	for _, name := range only {
		if !known[name] {
			return hint.New(fmt.Errorf("step %q: no machine has a step of that name or type", name),
				"the steps are: "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
	return nil
}
