package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// lookForEdits asks the providers whether somebody else changed the machines that are there.
func (e *Engine) lookForEdits(ctx context.Context, want *desired, have *observed) error {
	found := make([]map[string]string, len(want.machines))
	problems := make([]error, len(want.machines))
	var group sync.WaitGroup
	for i, machine := range want.machines {
		seen := have.machines[machine.name]
		if seen.status == nil || seen.record == nil || !seen.record.Made {
			continue
		}
		group.Go(func() { found[i], problems[i] = e.editsOf(ctx, machine) })
	}
	group.Wait()
	for i, machine := range want.machines {
		seen := have.machines[machine.name]
		seen.edited = found[i]
		have.machines[machine.name] = seen
	}
	return errors.Join(problems...)
}

func (e *Engine) editsOf(ctx context.Context, machine *desiredMachine) (map[string]string, error) {
	provider, err := e.provider(ctx, machine.provider)
	if err != nil {
		return nil, err
	}
	modifier, ok := providers.As[providers.Modifier](provider)
	if !ok {
		return nil, nil
	}
	edits, err := modifier.Differs(ctx, providers.Spec{
		ID: e.machineID(machine.name), CPUs: machine.config.CPUs, Memory: int64(machine.config.Memory),
		Options: machine.config.Options[machine.provider],
	})
	if errors.Is(err, providers.ErrNotFound) {
		return nil, nil // half made, or removed just now: not edited
	}
	if err != nil {
		return nil, fmt.Errorf("machine %s: %w", machine.name, err)
	}
	return edits, nil
}

// lookForDrift asks the steps of the running machines whether what they did is still there.
func (e *Engine) lookForDrift(ctx context.Context, want *desired, have *observed) error {
	for _, machine := range want.machines {
		seen := have.machines[machine.name]
		if !seen.running() || seen.record == nil || !seen.record.Booted {
			continue
		}
		drift, err := e.machineDrift(ctx, machine, seen.record)
		if err != nil {
			return err
		}
		seen.drift = drift
		have.machines[machine.name] = seen
	}
	return nil
}

func (e *Engine) machineDrift(ctx context.Context, machine *desiredMachine, record *state.Machine) (map[string]string, error) {
	drift := map[string]string{}
	var g guest.Guest
	for i, step := range machine.steps {
		if _, succeeded := record.Succeeded(step.config.Name); !drifts(step) || !succeeded {
			continue
		}
		provider, err := e.provider(ctx, machine.provider)
		if err != nil {
			return nil, err
		}
		if g == nil {
			if g, err = e.connect(ctx, provider, record); err != nil {
				e.Log.Debug("not looked for drift", "machine", machine.name, "error", err)
				return drift, nil // who runs the steps connects again, and tells
			}
			defer g.Close()
		}
		config, known, err := e.known(machine.config, step.config)
		if err != nil {
			return nil, err
		}
		if !known {
			continue // what it refers to is not known now, and so not what it should be
		}
		drifter := config.Steps[i].Spec.(provisioners.Drifter) // of the same type
		reason, err := drifter.Drift(ctx, provisioners.Target{
			Guest: g, Project: e.Project.Name, Machine: machine.name, Step: step.config.Name,
			Dir: e.Project.Dir, User: record.User, Env: config.Env,
			Output: io.Discard, Progress: func(string) {},
			Containers: func(ctx context.Context) (providers.ContainerEngine, error) {
				return e.presentEngine(ctx, provider, machine.name, g)
			},
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			reason = err.Error()
		}
		drift[step.config.Name] = reason
	}
	return drift, nil
}
