package docker

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

var _ providers.ProjectLister = (*Provider)(nil)

// Projects implements providers.ProjectLister.
func (p *Provider) Projects(ctx context.Context) ([]providers.ProjectTag, error) {
	owned := client.Filters{}.Add("label", labelProject)
	dirs := map[string]string{}
	add := func(labels map[string]string) {
		if id := labels[labelProject]; id != "" {
			dirs[id] = cmp.Or(dirs[id], labels[labelProjectDir])
		}
	}
	containers, err := p.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: owned})
	if err != nil {
		return nil, p.failed(ctx, "list containers", err)
	}
	for _, found := range containers.Items {
		add(found.Labels)
	}
	networks, err := p.engine.NetworkList(ctx, client.NetworkListOptions{Filters: owned})
	if err != nil {
		return nil, p.failed(ctx, "list networks", err)
	}
	for _, found := range networks.Items {
		add(found.Labels)
	}
	volumes, err := p.engine.VolumeList(ctx, client.VolumeListOptions{Filters: owned})
	if err != nil {
		return nil, p.failed(ctx, "list volumes", err)
	}
	for _, found := range volumes.Items {
		add(found.Labels)
	}
	images, err := p.engine.ImageList(ctx, client.ImageListOptions{Filters: owned})
	if err != nil {
		return nil, p.failed(ctx, "list images", err)
	}
	for _, found := range images.Items {
		add(found.Labels)
	}
	var tags []providers.ProjectTag
	for _, id := range slices.Sorted(maps.Keys(dirs)) {
		tags = append(tags, providers.ProjectTag{ID: id, Dir: dirs[id]})
	}
	return tags, nil
}
