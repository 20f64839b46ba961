package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// restartGrace is how long a guest may take to shut down when a change needs it off.
const restartGrace = time.Minute

// applyChanges brings a machine that is there to its Spec. What it was made with is noted when all of it was done: an `up`
// that was cut off before does it again.
func (r *machineRun) applyChanges(ctx context.Context) error {
	for _, a := range r.plan.actions {
		var err error
		switch a.kind {
		case actionRecreate:
			err = r.doom(ctx)
		case actionChange:
			err = r.modify(ctx, "change", a)
		case actionRestart:
			err = r.restart(ctx, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// doom removes a machine that is to be made anew. The record says so before, and after a kill in between the next `up` goes
// on with the removal: what is left is not taken for the new machine.
func (r *machineRun) doom(ctx context.Context) error {
	r.record.Doomed, r.record.Made, r.record.Booted, r.record.Journal = true, false, false, nil
	if err := r.engine.folder.SaveMachine(r.record); err != nil {
		return err
	}
	r.reached = "being made anew"
	err := r.engine.stage(ctx, r.want.name, "destroy", func(ctx context.Context, _ *stage) error {
		if err := r.forwards.remove(ctx, r.want.name); err != nil {
			return err
		}
		return r.provider.Destroy(ctx, r.engine.machineID(r.want.name))
	})
	if err != nil {
		return err
	}
	r.record, r.have.record, r.have.status = nil, nil, nil
	r.reached = "not created"
	return nil
}

// restart turns the machine off, changes it and starts it.
func (r *machineRun) restart(ctx context.Context, a action) error {
	r.record.Booted = false
	if err := r.engine.folder.SaveMachine(r.record); err != nil {
		return err
	}
	err := r.engine.stage(ctx, r.want.name, "halt", func(ctx context.Context, _ *stage) error {
		return r.provider.Stop(ctx, r.engine.machineID(r.want.name), restartGrace)
	})
	if err != nil {
		return err
	}
	r.reached = "stopped"
	if err := r.modify(ctx, "change", a); err != nil {
		return err
	}
	return r.start(ctx)
}

// modify has the provider change the machine.
func (r *machineRun) modify(ctx context.Context, name string, a action) error {
	modifier, ok := providers.As[providers.Modifier](r.provider)
	if !ok {
		return fmt.Errorf("%s: %s can't change a machine that is there", a.name, r.want.provider)
	}
	return r.engine.stage(ctx, r.want.name, name, func(ctx context.Context, s *stage) error {
		spec, err := r.spec()
		if err != nil {
			return err
		}
		if err := modifier.Modify(ctx, spec, s.detail); err != nil {
			return err
		}
		s.result = a.name
		r.record.Fields, r.record.Ports = r.want.fields, r.ports
		return r.engine.folder.SaveMachine(r.record)
	})
}

// driftSinceStart says for each step why it has to run again: what ran in the machine may not have come back. Steps that
// leave nothing running are not asked. See lookForDrift.
func (r *machineRun) driftSinceStart(ctx context.Context) (map[string]string, error) {
	if !r.unseen || r.plan.stepsSkipped || !slices.ContainsFunc(r.want.steps, drifts) {
		return nil, nil
	}
	g, err := r.connected(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.waitForBoot(ctx, g); err != nil {
		return nil, err
	}
	return r.engine.machineDrift(ctx, r.want, r.record)
}

func drifts(step desiredStep) bool {
	_, ok := step.config.Spec.(provisioners.Drifter)
	return ok
}
