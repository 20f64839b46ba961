package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/containerengine"
)

// runSteps runs the planned steps in the Colabofile's order; the first that fails ends it, and leaves the machine up.
func (r *machineRun) runSteps(ctx context.Context) error {
	drift, err := r.driftSinceStart(ctx)
	if err != nil {
		return err
	}
	due, err := r.dueSteps(ctx, drift)
	if err != nil || len(due) == 0 {
		return err
	}
	g, err := r.connected(ctx)
	if err != nil {
		return err
	}
	if err := r.waitForBoot(ctx, g); err != nil {
		return err
	}
	if err := r.endCutOff(ctx, g); err != nil {
		return err
	}
	for _, step := range due {
		if err := r.runStep(ctx, g, step); err != nil {
			return err
		}
		r.reached = "provisioned up to step " + step.config.Name
	}
	return nil
}

// dueSteps are the planned steps, those that drifted since, and those whose references have other values than the plan could
// know, in the Colabofile's order and with the values in place.
func (r *machineRun) dueSteps(ctx context.Context, drift map[string]string) ([]desiredStep, error) {
	planned := r.plan.steps()
	var due []desiredStep
	for i, step := range r.want.steps {
		isDue := slices.Contains(planned, step.config.Name) || drift[step.config.Name] != ""
		if !isDue && (len(step.config.Refs) == 0 || r.plan.stepsSkipped) {
			continue
		}
		settled, err := r.settled(ctx)
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", step.config.Name, err)
		}
		step.refs = r.engine.fingerprints(step.config.Refs)
		last, _ := r.record.Succeeded(step.config.Name)
		if isDue || step.config.Run == colabofile.RunChanged && changedRef(last.Refs, step.refs) != "" {
			step.config = settled.Steps[i]
			due = append(due, step)
		}
	}
	return due, nil
}

// runStep runs one step and, once it succeeded, writes that into the journal.
func (r *machineRun) runStep(ctx context.Context, g guest.Guest, step desiredStep) error {
	e := r.engine
	// From now on the machine is in a state of its own, whatever the step's last success was.
	r.record.Forget(step.config.Name)
	r.record.Running = step.config.Name
	if err := e.folder.SaveMachine(r.record); err != nil {
		return err
	}
	err := e.stage(ctx, r.want.name, "step "+step.config.Name, func(ctx context.Context, s *stage) error {
		target := r.target(g, step.config.Name, s)
		if !step.config.Sensitive {
			return step.config.Spec.Run(ctx, target)
		}
		target.Output, target.Progress = io.Discard, func(string) {}
		return hidden(step.config.Spec.Run(ctx, target))
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &ProvisionError{Machine: r.want.name, Step: step.config.Name, Err: err}
	}
	r.record.Running = ""
	r.record.Record(state.Entry{Step: step.config.Name, Type: step.config.Type, Hash: step.hash, Refs: step.refs})
	return e.folder.SaveMachine(r.record)
}

// hidden is the error of a sensitive step: what its tools said stays unsaid, their exit status does not.
func hidden(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	text := "it did not succeed"
	if exit, ok := errors.AsType[*guest.ExitError](err); ok {
		text = fmt.Sprintf("it ended with exit status %d", exit.Code)
	}
	return hint.New(errors.New(text), "its output is hidden; without `sensitive = true` it is shown")
}

// removeSteps removes what steps left running that are no longer in the Colabofile. That comes before the others, which
// may want the same ports.
func (r *machineRun) removeSteps(ctx context.Context) error {
	for _, gone := range r.plan.removed() {
		kind, known := r.engine.stepKind(gone.kindName)
		if !known {
			continue
		}
		g, err := r.connected(ctx)
		if err != nil {
			return err
		}
		err = r.engine.stage(ctx, r.want.name, "remove "+gone.name, func(ctx context.Context, s *stage) error {
			return kind.Remove(ctx, r.target(g, gone.name, s))
		})
		if err != nil {
			return err
		}
		r.record.Forget(gone.name)
		if err := r.engine.folder.SaveMachine(r.record); err != nil {
			return err
		}
	}
	return nil
}

// target is the machine as a step sees it.
func (r *machineRun) target(g guest.Guest, step string, s *stage) provisioners.Target {
	e, config := r.engine, r.want.config
	if r.config != nil {
		config = r.config
	}
	g = stepGuest{Guest: g, mark: e.stepMark(config.Name, step)}
	return provisioners.Target{
		Guest: g, Project: e.Project.Name, Machine: config.Name, Step: step,
		Dir: e.Project.Dir, User: config.User, Env: config.Env,
		Output: s, Progress: s.detail,
		Containers: func(ctx context.Context) (providers.ContainerEngine, error) {
			return r.containerEngine(ctx, g, s)
		},
	}
}

// containerEngine is the host's engine where the provider shares it, else the one inside the guest, installed when it is missing.
func (r *machineRun) containerEngine(ctx context.Context, g guest.Guest, s *stage) (providers.ContainerEngine, error) {
	if _, ok := providers.As[providers.ContainerHost](r.provider); ok {
		return r.engine.presentEngine(ctx, r.provider, r.want.name, g)
	}
	if err := containerengine.Install(ctx, provisioners.Target{Guest: g, User: r.want.config.User, Output: s, Progress: s.detail}); err != nil {
		return providers.ContainerEngine{}, err
	}
	return r.engine.presentEngine(ctx, r.provider, r.want.name, g)
}

// presentEngine is the engine that serves a machine, which is there already.
func (e *Engine) presentEngine(ctx context.Context, provider providers.Provider, machine string, g guest.Guest) (providers.ContainerEngine, error) {
	if host, ok := providers.As[providers.ContainerHost](provider); ok {
		return host.ContainerEngine(ctx, e.machineID(machine))
	}
	return providers.ContainerEngine{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return g.Dial(ctx, "unix", containerengine.SocketPath)
		},
		NetworkMode: "host", // what is in the engine goes with the machine: it needs no labels
	}, nil
}
