package libvirt

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/colabo/colabo/providers"
)

var _ providers.ProjectLister = (*provider)(nil)

// Projects returns the projects that have a domain, a network or a volume; volumes carry just the id.
func (p *provider) Projects(ctx context.Context) ([]providers.ProjectTag, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	owners, err := p.volumeOwners(ctx, conn)
	if err != nil {
		return nil, err
	}
	for id := range owners {
		dirs[id.Project] = ""
	}
	err = p.eachMachine(ctx, conn, "", func(m *machine) error {
		dirs[m.tag().Project] = m.tag().ProjectDir
		return nil
	})
	if err != nil {
		return nil, err
	}
	networks, err := conn.ListAllNetworks(0)
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for i := range networks {
		defer free(&networks[i])
		var document networkXML
		text, err := networks[i].GetXMLDesc(0)
		if err != nil || decode(text, &document) != nil || document.Metadata.Network == nil {
			continue // removed by others meanwhile, or not ours
		}
		tag := document.Metadata.Network
		if document.UUID == networkUUID(tag.Project) { // else a copy that a user made
			dirs[tag.Project] = cmp.Or(dirs[tag.Project], tag.ProjectDir)
		}
	}
	var tags []providers.ProjectTag
	for _, id := range slices.Sorted(maps.Keys(dirs)) {
		tags = append(tags, providers.ProjectTag{ID: id, Dir: dirs[id]})
	}
	return tags, nil
}
