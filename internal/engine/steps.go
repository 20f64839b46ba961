package engine

import (
	"context"
	"net"
	"slices"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/containerengine"
)

// runSteps runs the planned steps in the Colabofile's order; the first that fails ends it, and leaves the machine up.
func (r *machineRun) runSteps(ctx context.Context) error {
	due := r.plan.steps()
	if len(due) == 0 {
		return nil
	}
	g, err := r.connected(ctx)
	if err != nil {
		return err
	}
	if err := r.waitForBoot(ctx, g); err != nil {
		return err
	}
	for _, step := range r.want.steps {
		if !slices.Contains(due, step.config.Name) {
			continue
		}
		if err := r.runStep(ctx, g, step); err != nil {
			return err
		}
		r.reached = "provisioned up to step " + step.config.Name
	}
	return nil
}

// runStep runs one step and, once it succeeded, writes that into the journal.
func (r *machineRun) runStep(ctx context.Context, g guest.Guest, step desiredStep) error {
	e := r.engine
	// From now on the machine is in a state of its own, whatever the step's last success was.
	r.record.Forget(step.config.Name)
	if err := e.folder.SaveMachine(r.record); err != nil {
		return err
	}
	err := e.stage(ctx, r.want.name, "step "+step.config.Name, func(ctx context.Context, s *stage) error {
		return step.config.Spec.Run(ctx, r.target(g, step.config.Name, s))
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &ProvisionError{Machine: r.want.name, Step: step.config.Name, Err: err}
	}
	r.record.Record(step.config.Name, step.config.Type, step.hash)
	return e.folder.SaveMachine(r.record)
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
