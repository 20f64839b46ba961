package container

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/provisioners"
)

// runner keeps one step's container.
type runner struct {
	step   *Step
	engine *client.Client
	names  naming
	target provisioners.Target
	mode   string // network mode
}

// Run gets the image and makes the container be what the step says. It returns once the container is up: it did not end
// at once and, where its image has a health check, is healthy. One that ended is an error with the end of its log; it stays for a look.
func (s *Step) Run(ctx context.Context, target provisioners.Target) error {
	if s.Build.Context != "" {
		if len(s.Build.Prepare) > 0 {
			target.Progress("preparing " + s.Build.Context)
		}
		if err := s.Build.prepare(ctx, provisioners.HostPath(target.Dir, s.Build.Context), target.Output); err != nil {
			return err
		}
	}
	r, err := s.open(ctx, target)
	if err != nil {
		return err
	}
	defer func() { _ = r.engine.Close() }() // closes idle connections; never fails
	source := images{step: s, engine: r.engine, names: r.names, target: target}
	before, err := source.id(ctx, r.names.image())
	if err != nil {
		return err
	}
	image, err := source.ensure(ctx)
	if err != nil {
		return err
	}
	if err := r.converge(ctx, image); err != nil {
		return err
	}
	if before != "" && before != image {
		source.drop(ctx, before)
	}
	return nil
}

// converge leaves the container alone where it is what the step says, and else makes it anew.
func (r runner) converge(ctx context.Context, image string) error {
	want, err := r.options(image)
	if err != nil {
		return err
	}
	r.target.Progress("starting " + want.Name)
	found, err := r.containers(ctx)
	if err != nil {
		return err
	}
	verb := "started"
	for _, old := range found {
		same := old.Labels[configLabel] == want.Config.Labels[configLabel] && slices.Contains(old.Names, "/"+want.Name)
		if len(found) == 1 && same {
			kept, err := r.keep(ctx, old, want.Name)
			if kept || err != nil {
				return err
			}
		}
		verb = "replaced"
		if err := r.remove(ctx, old.ID); err != nil {
			return err
		}
	}
	id, err := r.create(ctx, want)
	if err != nil {
		return err
	}
	if err := r.start(ctx, id, want.Name); err != nil {
		return err
	}
	r.say("%s %s", verb, want.Name)
	return nil
}

// containers lists the step's containers, running or not.
func (r runner) containers(ctx context.Context) ([]container.Summary, error) {
	filters := make(client.Filters)
	for name, value := range r.names.labels {
		filters.Add("label", name+"="+value)
	}
	found, err := r.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return found.Items, nil
}

// keep makes a container that is what the step says run; false where its state is beyond that.
func (r runner) keep(ctx context.Context, old container.Summary, name string) (bool, error) {
	switch old.State {
	case container.StateRunning, container.StateRestarting:
		settled, err := r.settled(ctx, old.ID)
		if err != nil {
			return false, err
		}
		if settled {
			r.say("%s runs already, unchanged", name)
			return true, nil
		}
		if _, err := r.engine.ContainerStop(ctx, old.ID, client.ContainerStopOptions{}); err != nil {
			return false, fmt.Errorf("stop container %s: %w", name, err)
		}
	case container.StateCreated, container.StateExited:
	default:
		return false, nil
	}
	if err := r.start(ctx, old.ID, name); err != nil {
		return false, err
	}
	r.say("started %s again, unchanged", name)
	return true, nil
}

// settled says whether a running container never ended by itself, and is younger than the machine's present network.
func (r runner) settled(ctx context.Context, id string) (bool, error) {
	mine, err := r.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return false, fmt.Errorf("inspect container: %w", err)
	}
	if mine.Container.RestartCount > 0 || mine.Container.State.Restarting {
		return false, nil
	}
	if health := mine.Container.State.Health; health != nil && health.Status == container.Unhealthy {
		return false, nil
	}
	return r.inPresentNetwork(ctx, mine.Container)
}

// inPresentNetwork says whether a running container is younger than the machine's present network, if it shares one.
func (r runner) inPresentNetwork(ctx context.Context, mine container.InspectResponse) (bool, error) {
	machine, shared := strings.CutPrefix(r.mode, "container:")
	if !shared {
		return true, nil
	}
	its, err := r.engine.ContainerInspect(ctx, machine, client.ContainerInspectOptions{})
	if err != nil {
		return false, fmt.Errorf("inspect machine: %w", err)
	}
	started, err := time.Parse(time.RFC3339Nano, mine.State.StartedAt)
	if err != nil {
		return false, fmt.Errorf("read the container's start: %w", err)
	}
	booted, err := time.Parse(time.RFC3339Nano, its.Container.State.StartedAt)
	if err != nil {
		return false, fmt.Errorf("read the machine's start: %w", err)
	}
	return started.After(booted), nil
}

func (r runner) remove(ctx context.Context, id string) error {
	_, err := r.engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove container: %w", err)
	}
	return nil
}

// create makes volumes and container.
func (r runner) create(ctx context.Context, want client.ContainerCreateOptions) (string, error) {
	for _, m := range want.HostConfig.Mounts {
		if _, err := r.engine.VolumeCreate(ctx, client.VolumeCreateOptions{Name: m.Source, Labels: r.names.labels}); err != nil {
			return "", fmt.Errorf("create volume %s: %w", m.Source, err)
		}
	}
	created, err := r.engine.ContainerCreate(ctx, want)
	if err != nil {
		return "", fmt.Errorf("create container %s: %w", want.Name, err)
	}
	return created.ID, nil
}

// options is the container as the engine is to make it. Host name and published ports are the machine's, whose network it shares.
func (r runner) options(image string) (client.ContainerCreateOptions, error) {
	s := r.step
	config := &container.Config{Image: image, User: s.User, Cmd: s.Command, Entrypoint: s.Entrypoint}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		config.Env = append(config.Env, name+"="+s.Env[name])
	}
	restart := s.Restart
	if restart == "" {
		restart = defaultRestart
	}
	host := &container.HostConfig{
		NetworkMode:   container.NetworkMode(r.mode),
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyMode(restart)},
	}
	for _, text := range s.Volumes {
		name, path, err := parseVolume(text)
		if err != nil {
			return client.ContainerCreateOptions{}, err
		}
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Source: r.names.volume(name), Target: path})
	}
	text, err := json.Marshal([]any{config, host})
	if err != nil {
		return client.ContainerCreateOptions{}, fmt.Errorf("encode the container's configuration: %w", err)
	}
	sum := sha256.Sum256(text)
	config.Labels = maps.Clone(r.names.labels)
	config.Labels[configLabel] = "sha256:" + hex.EncodeToString(sum[:])
	return client.ContainerCreateOptions{Name: r.names.container(), Config: config, HostConfig: host}, nil
}

func (r runner) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.target.Output, format+"\n", args...) // that it can't be written is no reason to fail
}
