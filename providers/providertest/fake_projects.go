package providertest

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/colabo/colabo/providers"
)

// Projects returns the projects that have a machine or a network.
func (f *Fake) Projects(ctx context.Context) ([]providers.ProjectTag, error) {
	list, err := f.List(ctx, "")
	if err != nil {
		return nil, err
	}
	networks, err := folders(filepath.Join(f.dir, "networks"))
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	dirs := map[string]string{}
	for _, name := range networks {
		if strings.HasPrefix(name, ".") {
			continue // a write that is under way
		}
		id, err := url.PathUnescape(name)
		if err != nil {
			return nil, fmt.Errorf("list networks: %w", err)
		}
		dirs[id] = ""
	}
	for _, machine := range list {
		dirs[machine.Project] = machine.ProjectDir
	}
	var tags []providers.ProjectTag
	for _, id := range slices.Sorted(maps.Keys(dirs)) {
		tags = append(tags, providers.ProjectTag{ID: id, Dir: dirs[id]})
	}
	return tags, nil
}
