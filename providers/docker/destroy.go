package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// Destroy implements providers.Provider. With the machine go its app containers, its volumes and the images that were
// built or loaded for it: all that carries its labels.
func (p *Provider) Destroy(ctx context.Context, id providers.ID) error {
	if id.Project == "" || id.Machine == "" {
		return errors.New("destroy machine: no project or machine given")
	}
	if err := p.removeAll(ctx, match(labelProject, id.Project, labelMachine, id.Machine)); err != nil {
		return fmt.Errorf("destroy machine %s: %w", id.Machine, err)
	}
	return nil
}

// Purge implements providers.Provider.
func (p *Provider) Purge(ctx context.Context, project string) error {
	if project == "" {
		return errors.New("purge: no project given")
	}
	owned := match(labelProject, project)
	err := errors.Join(p.removePreparations(ctx, project), p.removeAll(ctx, owned))
	if err == nil {
		err = p.removeNetworks(ctx, owned)
	}
	if err != nil {
		return fmt.Errorf("purge project: %w", err)
	}
	return nil
}

// removeAll removes the containers, volumes and images that the filter finds, in the order in which they use each other.
func (p *Provider) removeAll(ctx context.Context, owned client.Filters) error {
	containers, err := p.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: owned})
	if err != nil {
		return p.failed(ctx, "list containers", err)
	}
	err = each(containers.Items, func(c container.Summary) error { return p.removeContainer(ctx, c.ID) })
	if err != nil {
		return err
	}
	volumes, err := p.engine.VolumeList(ctx, client.VolumeListOptions{Filters: owned})
	if err != nil {
		return p.failed(ctx, "list volumes", err)
	}
	err = each(volumes.Items, func(v volume.Volume) error {
		_, err := p.engine.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{})
		if missing(err) {
			return nil
		}
		return p.failed(ctx, "remove volume "+v.Name, err)
	})
	if err != nil {
		return err
	}
	return p.removeImages(ctx, owned)
}

// removeContainer removes a container, running or not, with its anonymous volumes, and returns when it is gone. One that is
// not there is no error, and one that somebody else removes just now is waited for.
func (p *Provider) removeContainer(ctx context.Context, id string) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		_, err := p.engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || missing(err) {
			return nil
		}
		if !errdefs.IsConflict(err) || !strings.Contains(err.Error(), "in progress") {
			return p.failed(ctx, "remove container", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove container: %w", context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// removePreparations removes what a process left that was killed while it prepared an image.
func (p *Provider) removePreparations(ctx context.Context, project string) error {
	list, err := p.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: match(labelPrepared, preparedVersion)})
	if err != nil {
		return p.failed(ctx, "list containers", err)
	}
	for _, summary := range list.Items {
		if strings.HasPrefix(containerRef(summary), preparationName(project)) {
			if err := p.removeContainer(ctx, summary.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeImages removes images. One may be the base of another, so it goes over them until no more can be removed.
func (p *Provider) removeImages(ctx context.Context, owned client.Filters) error {
	for before := -1; ; {
		list, err := p.engine.ImageList(ctx, client.ImageListOptions{Filters: owned})
		if err != nil {
			return p.failed(ctx, "list images", err)
		}
		if len(list.Items) == 0 {
			return nil
		}
		var failures error
		for _, image := range list.Items {
			_, err := p.engine.ImageRemove(ctx, image.ID, client.ImageRemoveOptions{Force: true, PruneChildren: true})
			if err != nil && !missing(err) {
				failures = errors.Join(failures, p.failed(ctx, "remove image "+image.ID, err))
			}
		}
		if failures == nil || len(list.Items) == before {
			return failures
		}
		before = len(list.Items)
	}
}

// removeNetworks removes networks; who else was put on one is taken off it.
func (p *Provider) removeNetworks(ctx context.Context, owned client.Filters) error {
	p.making.Lock()
	defer p.making.Unlock()
	networks, err := p.engine.NetworkList(ctx, client.NetworkListOptions{Filters: owned})
	if err != nil {
		return p.failed(ctx, "list networks", err)
	}
	return each(networks.Items, func(n network.Summary) error {
		inspected, err := p.engine.NetworkInspect(ctx, n.ID, client.NetworkInspectOptions{})
		if err == nil {
			for id := range inspected.Network.Containers {
				_, err := p.engine.NetworkDisconnect(ctx, n.ID, client.NetworkDisconnectOptions{Container: id, Force: true})
				if err != nil && !missing(err) {
					return p.failed(ctx, "empty network "+n.Name, err)
				}
			}
		}
		_, err = p.engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		if missing(err) {
			return nil
		}
		return p.failed(ctx, "remove network "+n.Name, err)
	})
}
