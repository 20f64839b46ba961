package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/colabo/colabo/boxes"
	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// desired is what the Colabofile wants, resolved: providers chosen, files read, hashes made.
type desired struct{ machines []*desiredMachine }

// desiredMachine is one machine as the Colabofile wants it.
type desiredMachine struct {
	name     string
	config   *colabofile.Machine
	provider string
	why      string // why that provider; "" when the user named it
	features providers.Features
	// fields are the configuration that the machine is made with, a canonical value a key; classes say what a change takes.
	fields  map[string]string
	classes map[string]providers.Change
	ports   []wantedPort
	steps   []desiredStep
	// removable are the types of steps whose leftovers can be removed.
	removable map[string]bool
}

// wantedPort is a port to publish; autoCorrect lets it move when the host's port is taken.
type wantedPort struct {
	providers.Port
	autoCorrect bool
	pos         colabofile.Position
}

// desiredStep is one provision step with the hash of all that it reads. Secrets and addresses are no part of the hash:
// refs are the fingerprints of those that are known.
type desiredStep struct {
	config colabofile.Step
	hash   string
	refs   map[string]string
}

// resolve turns the machines of the Colabofile (all, when names is empty) into what is wanted of them.
func (e *Engine) resolve(ctx context.Context, seen *observed, names []string) (*desired, error) {
	if err := e.knowMachines(names); err != nil {
		return nil, err
	}
	want := &desired{}
	for _, config := range e.Project.Machines {
		if len(names) > 0 && !slices.Contains(names, config.Name) {
			continue
		}
		machine, err := e.resolveMachine(ctx, config, seen.machines[config.Name])
		if err != nil {
			return nil, fmt.Errorf("machine %s: %w", config.Name, err)
		}
		want.machines = append(want.machines, machine)
	}
	return want, nil
}

func (e *Engine) resolveMachine(ctx context.Context, config *colabofile.Machine, have observedMachine) (*desiredMachine, error) {
	chosen := have.choice
	provider, err := e.provider(ctx, chosen.name)
	if err != nil {
		return nil, err
	}
	m := &desiredMachine{
		name: config.Name, config: config,
		provider: chosen.name, why: chosen.why, features: provider.Features(), removable: map[string]bool{},
	}
	for _, kind := range e.Steps {
		m.removable[kind.Type] = kind.Remove != nil
	}
	if isReference(config.Box) && !m.features.References {
		return nil, fmt.Errorf("box %q: %s starts no container images", config.Box, chosen.name)
	}
	for _, step := range config.Steps {
		hash, err := hashStep(e.Project.Dir, config, step)
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", step.Name, err)
		}
		m.steps = append(m.steps, desiredStep{config: step, hash: hash, refs: e.fingerprints(step.Refs)})
	}
	m.ports = wantedPorts(config)
	kind := e.kind(chosen.name)
	m.classes = kind.Changes
	m.fields, err = fieldsOf(m, kind)
	return m, err
}

// wantedPorts are the machine's own ports and those that its steps publish.
func wantedPorts(config *colabofile.Machine) []wantedPort {
	var ports []wantedPort
	for _, port := range config.Ports {
		ports = append(ports, wantedPort{Port: port.Port, autoCorrect: port.AutoCorrect, pos: port.Pos})
	}
	for _, step := range config.Steps {
		publisher, ok := step.Spec.(provisioners.PortPublisher)
		if !ok {
			continue
		}
		for _, port := range publisher.PublishedPorts() {
			same := func(p wantedPort) bool { return p.Port == port }
			if !slices.ContainsFunc(ports, same) {
				ports = append(ports, wantedPort{Port: port, pos: step.Pos})
			}
		}
	}
	return ports
}

// knowMachines is an error when a name is not in the Colabofile.
func (e *Engine) knowMachines(names []string) error {
	for _, name := range names {
		if e.config(name) == nil {
			return e.unknownMachine(name)
		}
	}
	return nil
}

func (e *Engine) unknownMachine(name string) error {
	var known []string
	for _, machine := range e.Project.Machines {
		known = append(known, machine.Name)
	}
	return hint.New(fmt.Errorf("machine %q: %w in %s", name, providers.ErrNotFound, e.Project.File),
		"the machines are: "+strings.Join(known, ", "))
}

// referenceScheme marks a box that is an image of the container engine.
const referenceScheme = "docker://"

func isReference(box string) bool { return strings.HasPrefix(box, referenceScheme) }

// knowBox is an error when a box is neither there nor can be built.
func (e *Engine) knowBox(box string) error {
	if isReference(box) || e.Boxes.Buildable(box) {
		return nil
	}
	_, err := e.Boxes.Get(box)
	if errors.Is(err, boxes.ErrNotFound) {
		return hint.New(err, "`colabo box list` shows those on this machine, `colabo box build --help` those that can be built")
	}
	return err
}

// image returns what a box name stands for, building the box where it is missing and known how.
func (e *Engine) image(ctx context.Context, box string) (providers.Image, error) {
	if isReference(box) {
		return providers.Image{Name: box, Reference: strings.TrimPrefix(box, referenceScheme)}, nil
	}
	found, err := e.Boxes.Get(box)
	if errors.Is(err, boxes.ErrNotFound) && e.Boxes.Buildable(box) {
		e.emit(event.Event{Type: event.Notice, Text: "box " + box + " is not on this machine yet: it is built from packages, once"})
		err = e.stage(ctx, "", "box "+box, func(ctx context.Context, s *stage) error {
			var err error
			found, err = e.Boxes.Build(ctx, box, func(p boxes.Progress) { s.detail(strings.TrimSpace(p.Stage + " " + p.Detail)) })
			return err
		})
	}
	if err != nil {
		return providers.Image{}, err
	}
	return providers.Image{
		Name: found.Name, Digest: found.Digest,
		Disk: found.Disk, DiskSize: found.DiskSize, Rootfs: found.Rootfs,
	}, nil
}
