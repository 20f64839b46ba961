package docker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// App containers are what provision steps run for a machine on the same engine, in the machine's network namespace and
// with its labels. The namespace is new each time the machine starts, and the engine leaves those that run in the old
// one: so they are stopped with the machine and started, or started anew, after it.

// apps lists the app containers of a machine, running or not.
func (p *Provider) apps(ctx context.Context, id providers.ID) ([]container.Summary, error) {
	list, err := p.engine.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: match(labelProject, id.Project, labelMachine, id.Machine),
	})
	if err != nil {
		return nil, p.failed(ctx, "list the app containers of machine "+id.Machine, err)
	}
	return slices.DeleteFunc(list.Items, func(c container.Summary) bool { return c.Labels[labelRole] != "" }), nil
}

// startApps starts the machine's app containers that have a restart policy and are not in its present namespace.
func (p *Provider) startApps(ctx context.Context, machine found) error {
	apps, err := p.apps(ctx, machine.id())
	if err != nil || len(apps) == 0 {
		return err
	}
	inspected, err := p.engine.ContainerInspect(ctx, machine.container, client.ContainerInspectOptions{})
	if err != nil {
		return p.failed(ctx, "look at machine "+machine.id().Machine, err)
	}
	begin := startedAt(inspected.Container)
	return each(apps, func(app container.Summary) error { return p.startApp(ctx, app, begin) })
}

// startApp starts one app container unless it runs since the machine's start.
func (p *Provider) startApp(ctx context.Context, app container.Summary, begin time.Time) error {
	operation := "start container " + containerRef(app)
	inspected, err := p.engine.ContainerInspect(ctx, app.ID, client.ContainerInspectOptions{})
	if missing(err) {
		return nil
	}
	if err != nil {
		return p.failed(ctx, operation, err)
	}
	if host := inspected.Container.HostConfig; host == nil || host.RestartPolicy.IsNone() {
		return nil
	}
	if state := inspected.Container.State; state != nil && state.Running {
		if state.Paused {
			if err := p.unpause(ctx, app.ID); err != nil {
				return p.failed(ctx, operation, err)
			}
		}
		if !startedAt(inspected.Container).Before(begin) {
			return nil
		}
		_, err = p.engine.ContainerRestart(ctx, app.ID, client.ContainerRestartOptions{})
	} else {
		_, err = p.engine.ContainerStart(ctx, app.ID, client.ContainerStartOptions{})
	}
	return p.failed(ctx, operation, err)
}

// startedAt is when a container started last; the zero time where the engine does not say.
func startedAt(inspected container.InspectResponse) time.Time {
	if inspected.State == nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, inspected.State.StartedAt)
	if err != nil {
		return time.Time{}
	}
	return at
}

// each calls f for all items at once and joins their errors.
func each[T any](items []T, f func(T) error) error {
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	for i, item := range items {
		wg.Go(func() { errs[i] = f(item) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
