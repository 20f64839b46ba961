package container

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/containerengine"
)

var _ provisioners.Drifter = (*Step)(nil)

// Drift implements provisioners.Drifter: the step has to run again where its container is gone or does not run, is not
// what the step says, or is in a network that the machine had before it was started anew. A job (restart "no" or
// "on-failure") that ended well has not drifted. It costs two requests at most.
func (s *Step) Drift(ctx context.Context, target provisioners.Target) (string, error) {
	r, err := s.open(ctx, target)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, errNoEngine):
		return "the container engine is gone", nil
	case err != nil:
		return "", err
	}
	defer func() { _ = r.engine.Close() }() // closes idle connections; never fails
	mine, err := r.engine.ContainerInspect(ctx, r.names.container(), client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return "its container is gone", nil
	}
	if err != nil {
		return "", fmt.Errorf("inspect container %s: %w", r.names.container(), err)
	}
	return r.drift(ctx, mine.Container)
}

// drift says what is wrong with the step's container.
func (r runner) drift(ctx context.Context, mine container.InspectResponse) (string, error) {
	if mine.Config == nil || mine.State == nil {
		return "the engine does not know its container", nil
	}
	want, err := r.options(mine.Config.Image) // the id that it was made with
	if err != nil {
		return "", err
	}
	for name, value := range want.Config.Labels {
		if mine.Config.Labels[name] != value {
			return "its container is not what the step says", nil
		}
	}
	switch mine.State.Status {
	case container.StateRunning, container.StateRestarting:
	case container.StateCreated:
		return "its container was never started", nil
	case container.StateExited:
		if mine.State.ExitCode == 0 && r.step.job() {
			return "", nil
		}
		return "its container is stopped", nil
	default:
		return "its container is " + string(mine.State.Status), nil
	}
	present, err := r.inPresentNetwork(ctx, mine)
	if err != nil || present {
		return "", err
	}
	return "its container is older than the machine's last start", nil
}

// job says whether the container may end.
func (s *Step) job() bool { return slices.Contains([]string{"no", "on-failure"}, s.Restart) }

// errNoEngine: nothing serves the machine's containers.
var errNoEngine = errors.New("no container engine")

// open connects to the engine; errNoEngine where the target has none. The engine is the caller's to close.
func (s *Step) open(ctx context.Context, target provisioners.Target) (runner, error) {
	at, err := target.Containers(ctx)
	if err != nil {
		return runner{}, fmt.Errorf("%w: %w", errNoEngine, err)
	}
	engine, err := containerengine.Open(at)
	if err != nil {
		return runner{}, fmt.Errorf("open the container engine: %w", err)
	}
	names, err := newNaming(target, at)
	if err != nil {
		return runner{}, errors.Join(err, engine.Close())
	}
	return runner{step: s, engine: engine, names: names, target: target, mode: at.NetworkMode}, nil
}

// remove is Kind.Remove: it removes the containers of the step, and the image that it built unless something else uses
// it. Named volumes stay, for a step that comes back under its name; they go with the machine.
func remove(ctx context.Context, target provisioners.Target) error {
	r, err := new(Step).open(ctx, target)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	defer func() { _ = r.engine.Close() }() // closes idle connections; never fails
	found, err := r.containers(ctx)
	if err != nil {
		return err
	}
	for _, old := range found {
		if err := r.remove(ctx, old.ID); err != nil {
			return err
		}
	}
	image := r.names.image()
	_, err = r.engine.ImageRemove(ctx, image, client.ImageRemoveOptions{PruneChildren: true})
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
		return fmt.Errorf("remove image %s: %w", image, err)
	}
	return nil
}
