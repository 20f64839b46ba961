package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// Create implements providers.Provider. Spec.Disk is without meaning here: a container's disk is as large as the engine's.
// Fewer CPUs than Spec.CPUs are given where the engine has no more, which is reported.
func (p *Provider) Create(ctx context.Context, spec providers.Spec, report providers.Report) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create machine %s: %w", spec.Machine, err)
	}
	_, err := p.find(ctx, spec.ID)
	if err == nil || !errors.Is(err, providers.ErrNotFound) {
		return err
	}
	hardware, err := p.engineHardware(ctx)
	if err != nil {
		return err
	}
	if spec.CPUs > hardware.cpus {
		report(fmt.Sprintf("the docker engine has %d CPUs: %s gets those, not %d", hardware.cpus, spec.Machine, spec.CPUs))
	}
	image, err := p.image(ctx, spec, report)
	if err != nil {
		return fmt.Errorf("create machine %s: %w", spec.Machine, err)
	}
	report("create container " + containerName(spec))
	made, err := p.createOnNetwork(ctx, spec, image, hardware)
	if err != nil && made.created {
		if err := p.dropNetwork(context.WithoutCancel(ctx), made); err != nil {
			p.log.Warn("remove the network of a machine that was not made", "network", made.name, "err", err)
		}
	}
	return err
}

// createOnNetwork makes the container, and the network when it is missing. On an error the container is not there, and
// the network is the caller's to remove.
func (p *Provider) createOnNetwork(
	ctx context.Context, spec providers.Spec, image prepared, hardware hardware,
) (machinesNetwork, error) {
	p.making.RLock()
	defer p.making.RUnlock()
	on, err := p.ensureNetwork(ctx, spec)
	if err != nil {
		return on, err
	}
	options, err := request(spec, image, on, hardware)
	if err != nil {
		return on, fmt.Errorf("create machine %s: %w", spec.Machine, err)
	}
	if err := ctx.Err(); err != nil {
		return on, fmt.Errorf("create machine %s: %w", spec.Machine, context.Cause(ctx))
	}
	// Not cut off by ctx: the engine would go on and make the container behind our back.
	created, err := p.engine.ContainerCreate(context.WithoutCancel(ctx), options)
	if err != nil {
		return on, p.createError(ctx, options.Name, err)
	}
	for _, warning := range created.Warnings {
		p.log.Warn("create container", "name", options.Name, "warning", warning)
	}
	if ctx.Err() != nil {
		return on, errors.Join(fmt.Errorf("create machine %s: %w", spec.Machine, context.Cause(ctx)),
			p.removeContainer(context.WithoutCancel(ctx), created.ID))
	}
	return on, nil
}

// createError adds what can be done about a name that is taken: a container with our labels would have been found.
func (p *Provider) createError(ctx context.Context, name string, err error) error {
	failed := p.failed(ctx, "create container "+name, err)
	if errdefs.IsConflict(err) {
		return hint.New(failed, fmt.Sprintf("remove the other container by `docker rm -f %s`", name))
	}
	return failed
}

// found is a machine's container as the engine lists it.
type found struct {
	container string // its id
	labels    map[string]string
}

// id is the machine that the container is.
func (f found) id() providers.ID {
	return providers.ID{Project: f.labels[labelProject], Machine: f.labels[labelMachine]}
}

// find returns a machine's container. ErrNotFound.
func (p *Provider) find(ctx context.Context, id providers.ID) (found, error) {
	summary, err := p.summary(ctx, id)
	return found{container: summary.ID, labels: summary.Labels}, err
}

// machineFilter finds the container of a machine.
func machineFilter(id providers.ID) client.Filters {
	return match(labelProject, id.Project, labelMachine, id.Machine, labelRole, roleMachine)
}
