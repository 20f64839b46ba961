package container

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"
)

const (
	// layersPatience is how long the engine may take to let go of a build that was cut off.
	layersPatience = 15 * time.Second
	// layersPause is how often it is asked meanwhile.
	layersPause = 100 * time.Millisecond
)

// layers are the images that a build makes on its way, an image for each line of the Dockerfile. They have neither
// name nor label; of a build that succeeds they are the parents of its image and go with it.
//
// Those of one that fails are found by what the builder said, and by whose parent they are. An image that was there before
// the build, has a name, or is in use is never taken for one. One that the builder made when it was cut off, of an image not
// of this build, and could not tell of, is not found: nothing says whose it is.
type layers struct {
	engine *client.Client
	before map[string]bool // by id
	said   []string        // short ids
}

// newLayers remembers what is there before a build.
func newLayers(ctx context.Context, engine *client.Client) (*layers, error) {
	list, err := engine.ImageList(ctx, client.ImageListOptions{All: true})
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	l := &layers{engine: engine, before: map[string]bool{}}
	for _, i := range list.Items {
		l.before[i.ID] = true
	}
	return l, nil
}

// layerLine is how the builder says what it made of a line of the Dockerfile.
var layerLine = regexp.MustCompile(`^ ---> ([0-9a-f]{12,64})$`)

// see takes what the builder says.
func (l *layers) see(text string) {
	if found := layerLine.FindStringSubmatch(strings.TrimSuffix(text, "\n")); found != nil {
		l.said = append(l.said, found[1])
	}
}

// remove removes the layers, children first. It waits for the engine to end what it does for the build.
func (l *layers) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, layersPatience)
	defer cancel()
	pause := time.NewTicker(layersPause)
	defer pause.Stop()
	for {
		list, err := l.engine.ImageList(ctx, client.ImageListOptions{All: true})
		if err != nil {
			return fmt.Errorf("list images: %w", err)
		}
		left := l.made(list.Items)
		if len(left) == 0 {
			return nil
		}
		var refused error
		removed := false
		for _, id := range left {
			if _, err := l.engine.ImageRemove(ctx, id, client.ImageRemoveOptions{}); err != nil {
				refused = err // a parent, or in use: it may be free the next time
			} else {
				removed = true
			}
		}
		if removed {
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove %d images of the build: %w", len(left), refused)
		case <-pause.C:
		}
	}
}

// made are the ids of the layers among all images.
func (l *layers) made(all []image.Summary) []string {
	var made []string
	for grown := true; grown; {
		grown = false
		for _, i := range all {
			named := slices.ContainsFunc(i.RepoTags, func(tag string) bool { return tag != "<none>:<none>" }) ||
				slices.ContainsFunc(i.RepoDigests, func(digest string) bool { return digest != "<none>@<none>" })
			if named || l.before[i.ID] || slices.Contains(made, i.ID) {
				continue
			}
			if l.told(i.ID) || slices.Contains(made, i.ParentID) {
				made, grown = append(made, i.ID), true
			}
		}
	}
	for shrunk := true; shrunk; { // what another image is made of stays
		shrunk = false
		for _, i := range all {
			if at := slices.Index(made, i.ParentID); at >= 0 && !slices.Contains(made, i.ID) {
				made, shrunk = slices.Delete(made, at, at+1), true
			}
		}
	}
	slices.Reverse(made)
	return made
}

// told says whether the builder named the image.
func (l *layers) told(id string) bool {
	return slices.ContainsFunc(l.said, func(short string) bool {
		return strings.HasPrefix(strings.TrimPrefix(id, "sha256:"), short)
	})
}
