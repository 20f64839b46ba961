package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// machinesNetwork is a project's network.
type machinesNetwork struct {
	id      string
	name    string
	created bool // by this call
}

// ensureNetwork returns the project's network, which it makes when missing. An engine lets two processes make networks of one
// name: the older one is the project's then, and who made the other removes it at once.
func (p *Provider) ensureNetwork(ctx context.Context, spec providers.Spec) (machinesNetwork, error) {
	p.networks.Lock()
	defer p.networks.Unlock()
	found, err := p.findNetwork(ctx, spec.Project)
	if found.id != "" || err != nil {
		return found, err
	}
	created, err := p.engine.NetworkCreate(context.WithoutCancel(ctx), networkName(spec), client.NetworkCreateOptions{
		Driver: "bridge",
		Labels: map[string]string{
			labelProject: spec.Project, labelProjectName: spec.ProjectName, labelProjectDir: spec.ProjectDir,
		},
	})
	if err != nil {
		return machinesNetwork{}, p.failed(ctx, "create network "+networkName(spec), err)
	}
	oldest, err := p.findNetwork(context.WithoutCancel(ctx), spec.Project)
	if err != nil || oldest.id != created.ID {
		_, _ = p.engine.NetworkRemove(context.WithoutCancel(ctx), created.ID, client.NetworkRemoveOptions{})
		return oldest, err
	}
	oldest.created = true
	return oldest, nil
}

// findNetwork returns the project's network, without an id where there is none.
func (p *Provider) findNetwork(ctx context.Context, project string) (machinesNetwork, error) {
	list, err := p.engine.NetworkList(ctx, client.NetworkListOptions{Filters: match(labelProject, project)})
	if err != nil {
		return machinesNetwork{}, p.failed(ctx, "look for the project's network", err)
	}
	if len(list.Items) == 0 {
		return machinesNetwork{}, nil
	}
	oldest := slices.MinFunc(list.Items, func(a, b network.Summary) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return machinesNetwork{id: oldest.ID, name: oldest.Name}, nil
}

// dropNetwork removes a network again that a failed Create made, unless a machine is on it by now.
func (p *Provider) dropNetwork(ctx context.Context, made machinesNetwork) error {
	p.making.Lock()
	defer p.making.Unlock()
	users, err := p.engine.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("network", made.id),
	})
	if err != nil || len(users.Items) > 0 {
		return err
	}
	if _, err := p.engine.NetworkRemove(ctx, made.id, client.NetworkRemoveOptions{}); err != nil && !missing(err) {
		return err
	}
	return nil
}

// reconnect puts a machine that does not run on the project's network again when the network is gone that it was made
// on. It says whether it did.
func (p *Provider) reconnect(ctx context.Context, machine found) (bool, error) {
	inspected, err := p.engine.ContainerInspect(ctx, machine.container, client.ContainerInspectOptions{})
	if missing(err) {
		return false, fmt.Errorf("machine %s: %w", machine.id().Machine, providers.ErrNotFound)
	}
	if err != nil || inspected.Container.NetworkSettings == nil {
		return false, p.failed(ctx, "look at the machine's network", err)
	}
	networks := inspected.Container.NetworkSettings.Networks
	for key, endpoint := range networks {
		if endpoint.NetworkID != "" {
			_, err := p.engine.NetworkInspect(ctx, endpoint.NetworkID, client.NetworkInspectOptions{})
			if !missing(err) {
				return false, p.failed(ctx, "look at the machine's network", err)
			}
		}
		labels := machine.labels
		now, err := p.ensureNetwork(ctx, providers.Spec{
			ID: machine.id(), ProjectName: labels[labelProjectName], ProjectDir: labels[labelProjectDir],
		})
		if err != nil {
			return false, err
		}
		_, err = p.engine.NetworkDisconnect(ctx, key, client.NetworkDisconnectOptions{Container: machine.container, Force: true})
		if err != nil && !missing(err) {
			return false, p.failed(ctx, "leave the network that is gone", err)
		}
		_, err = p.engine.NetworkConnect(ctx, now.id, client.NetworkConnectOptions{
			Container: machine.container, EndpointConfig: &network.EndpointSettings{Aliases: endpoint.Aliases},
		})
		return err == nil, p.failed(ctx, "join the project's network", err)
	}
	return false, nil
}
