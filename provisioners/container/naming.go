package container

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// Labels of what a step makes, beside those that the engine asks for.
const (
	// stepLabel has the step's name.
	stepLabel = "colabo.step"
	// configLabel has the hash of the container's configuration and image.
	configLabel = "colabo.config"
)

// naming makes the names and labels of what one step has on an engine. Two checkouts of one project may use the same
// engine, so each name ends in a hash of the engine's labels, which have the project's id.
type naming struct {
	target provisioners.Target
	owner  map[string]string // the engine's labels; none where the engine goes with the machine
	labels map[string]string // of containers and volumes
	suffix string
}

func newNaming(target provisioners.Target, engine providers.ContainerEngine) (naming, error) {
	text, err := json.Marshal([]any{engine.Labels, target.Project, target.Machine, target.Step})
	if err != nil {
		return naming{}, fmt.Errorf("encode labels: %w", err)
	}
	sum := sha256.Sum256(text)
	labels := maps.Clone(engine.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[stepLabel] = target.Step
	return naming{target: target, owner: engine.Labels, labels: labels, suffix: hex.EncodeToString(sum[:4])}, nil
}

// container is the container's name.
func (n naming) container() string {
	return strings.Join([]string{readable(n.target.Project), readable(n.target.Machine), readable(n.target.Step), n.suffix}, "-")
}

// image is the tag of the image that the step builds.
func (n naming) image() string { return "colabo/" + n.container() + ":latest" }

// volume is the engine's name for one of the step's volumes.
func (n naming) volume(name string) string { return n.container() + "-" + name }

func readable(text string) string { return providers.Readable(text, "x") }
