package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// image returns the id of the prepared image that a machine of spec starts from, and what it boots. It is made when
// missing: imports and pulls take long and report.
func (p *Provider) image(ctx context.Context, spec providers.Spec, report providers.Report) (prepared, error) {
	if spec.Image.Reference != "" {
		base, err := p.referenced(ctx, spec.Image.Reference, report)
		if err != nil {
			return prepared{}, err
		}
		want := preparation{base: base, user: spec.User, project: spec.Project}
		return p.prepared(ctx, want, report, func(context.Context) (string, error) { return base, nil })
	}
	if err := checkBox(spec.Image); err != nil {
		return prepared{}, err
	}
	want := preparation{box: spec.Image.Digest, boxName: boxTag(spec.Image), user: spec.User, project: spec.Project}
	return p.prepared(ctx, want, report, func(ctx context.Context) (string, error) {
		return p.importedBox(ctx, spec.Image, report)
	})
}

// checkBox refuses an image that can't be imported, before anything is made.
func checkBox(image providers.Image) error {
	if image.Rootfs == "" {
		return hint.New(fmt.Errorf("box %s has no root file system for containers", image.Name), "use a box that has one, or a docker:// image")
	}
	if image.Digest == "" || strings.Trim(image.Digest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:._+-") != "" {
		return fmt.Errorf("box %s: %q is not a digest", image.Name, image.Digest)
	}
	return nil
}

// boxTag is the tag of a box's image: its name and the begin of its digest.
func boxTag(image providers.Image) string {
	_, sum, found := strings.Cut(image.Digest, ":")
	if !found {
		sum = image.Digest
	}
	return providers.Readable(image.Name, "box") + "-" + providers.Readable(sum[:min(len(sum), 12)], "0")
}

// boxRepository is where boxes are kept in an engine.
const boxRepository = "colabo/box"

// referenced returns the id of an image of the engine; one that is not there is pulled.
func (p *Provider) referenced(ctx context.Context, reference string, report providers.Report) (string, error) {
	inspected, err := p.engine.ImageInspect(ctx, reference)
	if errdefs.IsNotFound(err) {
		if err := p.pull(ctx, reference, report); err != nil {
			return "", err
		}
		inspected, err = p.engine.ImageInspect(ctx, reference)
	}
	if err != nil {
		return "", p.failed(ctx, "look for image "+reference, err)
	}
	return inspected.ID, nil
}

// pull gets an image from its registry; it reports each layer that arrived.
func (p *Provider) pull(ctx context.Context, reference string, report providers.Report) error {
	operation := "pull image " + reference
	report(operation)
	response, err := p.engine.ImagePull(ctx, reference, client.ImagePullOptions{})
	if err != nil {
		return p.pullError(ctx, operation, err)
	}
	defer response.Close()
	layers, arrived := map[string]bool{}, 0
	for message, err := range response.JSONMessages(ctx) {
		if err == nil && message.Error != nil {
			err = message.Error
		}
		if err != nil {
			return p.pullError(ctx, operation, err)
		}
		switch message.Status {
		case "Pulling fs layer":
			layers[message.ID] = true
		case "Pull complete":
			arrived++
			report(fmt.Sprintf("%s: layer %d of %d", operation, arrived, len(layers)))
		}
	}
	return nil
}

// pullError adds what can be done about a pull that failed.
func (p *Provider) pullError(ctx context.Context, operation string, err error) error {
	failed := p.failed(ctx, operation, err)
	if ctx.Err() != nil || errors.Is(failed, providers.ErrUnavailable) || errors.Is(failed, providers.ErrNoSpace) {
		return failed
	}
	return hint.New(failed, "check the image's name, or load it into the engine by `docker load` or `docker build`")
}

// RemoveImage implements providers.ImageRemover.
func (p *Provider) RemoveImage(ctx context.Context, digest string) error {
	if digest == "" {
		return errors.New("remove the image of a box: no digest")
	}
	containers, err := p.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: match(labelBox, digest)})
	if err != nil {
		return p.failed(ctx, "look for machines of the box", err)
	}
	for _, container := range containers.Items {
		if container.Labels[labelRole] == roleMachine {
			return hint.New(fmt.Errorf("box %s is used by machine %s of project %s", digest,
				container.Labels[labelMachine], container.Labels[labelProjectDir]), "destroy the machine first")
		}
		if err := p.removeContainer(ctx, container.ID); err != nil {
			return err
		}
	}
	return p.removeImages(ctx, match(labelBox, digest))
}
