package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

var _ providers.Modifier = (*Provider)(nil)

// Modify implements providers.Modifier.
func (p *Provider) Modify(ctx context.Context, spec providers.Spec, report providers.Report) error {
	operation := "change machine " + spec.Machine
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	machine, err := p.inspectMachine(ctx, spec.ID)
	if err != nil {
		return err
	}
	hardware, err := p.engineHardware(ctx)
	if err != nil {
		return err
	}
	fixed, err := fixedDigest(spec)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	if machine.Config.Labels[labelFixed] != fixed {
		if machine.State.Running {
			return fmt.Errorf("%s: it runs, and has to be stopped before", operation)
		}
		if err := p.rebuild(ctx, spec, machine, hardware, report); err != nil {
			return fmt.Errorf("%s: %w", operation, err)
		}
		return nil
	}
	if err := p.update(ctx, spec, machine, hardware); err != nil {
		return p.failed(ctx, operation, err)
	}
	return p.rejoin(ctx, spec, machine)
}

// Differs implements providers.Modifier.
func (p *Provider) Differs(ctx context.Context, spec providers.Spec) (map[string]string, error) {
	machine, err := p.inspectMachine(ctx, spec.ID)
	if err != nil {
		return nil, err
	}
	differs := map[string]string{}
	memory, cpus := machine.HostConfig.Memory, machine.HostConfig.NanoCPUs
	if memory != spec.Memory || cpus != int64(spec.CPUs)*1e9 {
		hardware, err := p.engineHardware(ctx) // takes its time
		if err != nil {
			return nil, err
		}
		if want := spec.Memory; memory != want && (want != 0 || memory < hardware.memory) {
			differs["memory"] = fmt.Sprintf("is %s, not %s", mebibytes(memory), mebibytes(want))
		}
		if want := nanoCPUs(spec, hardware); cpus != want && (want != 0 || cpus < int64(hardware.cpus)*1e9) {
			differs["cpus"] = fmt.Sprintf("is %s, not %s", processors(cpus), processors(want))
		}
	}
	if machine.State.Running && !onNetwork(machine) {
		differs["network"] = "is not joined any more"
	}
	return differs, nil
}

// inspectMachine returns a machine's container in full. ErrNotFound.
func (p *Provider) inspectMachine(ctx context.Context, id providers.ID) (container.InspectResponse, error) {
	found, err := p.find(ctx, id)
	if err != nil {
		return container.InspectResponse{}, err
	}
	inspected, err := p.engine.ContainerInspect(ctx, found.container, client.ContainerInspectOptions{})
	if missing(err) {
		return container.InspectResponse{}, fmt.Errorf("machine %s: %w", id.Machine, providers.ErrNotFound)
	}
	if err != nil {
		return container.InspectResponse{}, p.failed(ctx, "look at machine "+id.Machine, err)
	}
	c := inspected.Container
	if c.Config == nil || c.HostConfig == nil || c.State == nil || c.NetworkSettings == nil {
		return c, fmt.Errorf("look at machine %s: the engine does not describe its container", id.Machine)
	}
	return c, nil
}

// update changes what the engine changes in a container that may be running.
func (p *Provider) update(ctx context.Context, spec providers.Spec, machine container.InspectResponse, hardware hardware) error {
	cpus := nanoCPUs(spec, hardware)
	if machine.HostConfig.Memory == spec.Memory && machine.HostConfig.NanoCPUs == cpus {
		return nil
	}
	resources := container.Resources{NanoCPUs: cpus, Memory: spec.Memory, MemorySwap: 2 * spec.Memory}
	if spec.Memory == 0 { // the engine takes 0 for "as it is"
		resources.Memory, resources.MemorySwap = hardware.memory, 2*hardware.memory
	}
	if cpus == 0 {
		resources.NanoCPUs = int64(hardware.cpus) * 1e9
	}
	_, err := p.engine.ContainerUpdate(ctx, machine.ID, client.ContainerUpdateOptions{Resources: &resources})
	return err
}

// rejoin puts a running machine on its project's network again, when somebody took it off.
func (p *Provider) rejoin(ctx context.Context, spec providers.Spec, machine container.InspectResponse) error {
	if !machine.State.Running || onNetwork(machine) {
		return nil
	}
	on, err := p.ensureNetwork(ctx, spec)
	if err != nil {
		return err
	}
	_, err = p.engine.NetworkConnect(ctx, on.id, client.NetworkConnectOptions{
		Container: machine.ID, EndpointConfig: networkEndpoint(spec),
	})
	return p.failed(ctx, "join the project's network", err)
}

// onNetwork says whether a running container is on a network.
func onNetwork(machine container.InspectResponse) bool {
	for _, endpoint := range machine.NetworkSettings.Networks {
		if endpoint != nil && endpoint.EndpointID != "" {
			return true
		}
	}
	return false
}

// fixedDigest is a hash of what the engine fixes when it makes a container.
func fixedDigest(spec providers.Spec) (string, error) {
	options, _ := spec.Options.(*Options)
	if options == nil {
		options = &Options{}
	}
	text, err := json.Marshal([]any{
		spec.Hostname, environment(spec.Env), append([]providers.Port{}, spec.Ports...), append([]string{}, options.Capabilities...),
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// rebuild makes another container around the file system of a stopped one. There is no moment at which the data hangs on
// something that the next call would not find: the old container is renamed, and removed once the new one is there.
func (p *Provider) rebuild(
	ctx context.Context, spec providers.Spec, old container.InspectResponse, hardware hardware, report providers.Report,
) error {
	if err := p.removeReplaced(ctx, spec.ID); err != nil { // of an earlier attempt that was cut off
		return err
	}
	report("keeping the file system")
	kept, err := p.keep(ctx, old)
	if err != nil {
		return err
	}
	on, err := p.ensureNetwork(ctx, spec)
	if err != nil {
		return err
	}
	boots := initStay
	if slices.Equal(old.Config.Entrypoint, []string{initPath}) {
		boots = initSystemd
	}
	spec.Image.Digest = old.Config.Labels[labelImage]
	options, err := request(spec, prepared{id: kept, init: boots}, on, hardware)
	if err != nil {
		return err
	}
	options.Config.Labels[labelBox] = old.Config.Labels[labelBox] // the box is in use still
	options.HostConfig.VolumesFrom = []string{old.ID}             // anonymous ones stay with the machine, and go with it
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on ctx does not cut in: what was begun is brought to its end, or back.
	ctx = context.WithoutCancel(ctx)
	if err := p.removeApps(ctx, spec.ID); err != nil {
		return err
	}
	if err := p.putAside(ctx, old, options.Name); err != nil {
		return err
	}
	report("making the container anew around it")
	if _, err := p.engine.ContainerCreate(ctx, options); err != nil {
		_, renameErr := p.engine.ContainerRename(ctx, old.ID, client.ContainerRenameOptions{NewName: options.Name})
		return errors.Join(p.createError(ctx, options.Name, err), p.failed(ctx, "put the old container back", renameErr))
	}
	return p.removeReplaced(ctx, spec.ID)
}

// removeApps removes the machine's app containers: they are in the network of a container that goes, and an engine moves none to
// another. Their steps make them again; their volumes stay.
func (p *Provider) removeApps(ctx context.Context, id providers.ID) error {
	apps, err := p.apps(ctx, id)
	if err != nil {
		return err
	}
	return each(apps, func(app container.Summary) error { return p.removeContainer(ctx, app.ID) })
}

// putAside frees a container's name for the one that takes its place.
func (p *Provider) putAside(ctx context.Context, old container.InspectResponse, free string) error {
	if strings.HasSuffix(old.Name, replacedSuffix) {
		return nil // an earlier attempt was cut off after it did that
	}
	_, err := p.engine.ContainerRename(ctx, old.ID, client.ContainerRenameOptions{NewName: free + replacedSuffix})
	return p.failed(ctx, "put the old container aside", err)
}

// keep makes an image of a container's file system, and returns its id. It carries the machine's labels, and goes with
// it; those by which prepared images are found are taken away.
func (p *Provider) keep(ctx context.Context, old container.InspectResponse) (string, error) {
	changes := []string{"LABEL " + labelRole + "=" + roleKept}
	for _, label := range []string{labelPrepared, labelBox, labelBase, labelUser} {
		changes = append(changes, "LABEL "+label+"=")
	}
	committed, err := p.engine.ContainerCommit(ctx, old.ID, client.ContainerCommitOptions{
		Comment: "kept by colabo", NoPause: true, Changes: changes,
	})
	if err != nil {
		return "", p.failed(ctx, "keep the file system", err)
	}
	return committed.ID, nil
}

// presentMachine is the container that a machine is among those that have its labels: not one that was put aside, unless it is all
// that is left. nil where there is none.
func presentMachine(all []container.Summary) *container.Summary {
	for i := range all {
		if !replaced(all[i]) {
			return &all[i]
		}
	}
	if len(all) > 0 {
		return &all[0]
	}
	return nil
}

// replaced says whether a container was put aside for another one.
func replaced(summary container.Summary) bool {
	return strings.HasSuffix(containerRef(summary), replacedSuffix)
}

// removeReplaced removes the containers that others took the place of, and the images that nothing is made from any more.
func (p *Provider) removeReplaced(ctx context.Context, id providers.ID) error {
	list, err := p.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: machineFilter(id)})
	if err != nil {
		return p.failed(ctx, "look for replaced containers", err)
	}
	present := presentMachine(list.Items)
	for _, summary := range list.Items {
		if present != nil && summary.ID != present.ID && replaced(summary) {
			// Its anonymous volumes are the new one's.
			_, err := p.engine.ContainerRemove(ctx, summary.ID, client.ContainerRemoveOptions{Force: true})
			if err != nil && !missing(err) {
				return p.failed(ctx, "remove the replaced container", err)
			}
		}
	}
	images, err := p.engine.ImageList(ctx, client.ImageListOptions{
		Filters: match(labelProject, id.Project, labelMachine, id.Machine, labelRole, roleKept),
	})
	if err != nil {
		return p.failed(ctx, "look for kept file systems", err)
	}
	for _, image := range images.Items {
		// One that a container or another image is made from stays: the engine says so.
		_, err := p.engine.ImageRemove(ctx, image.ID, client.ImageRemoveOptions{PruneChildren: true})
		if err != nil && !missing(err) {
			p.log.Debug("a kept file system stays", "image", image.ID, "reason", err)
		}
	}
	return nil
}

// mebibytes is an amount of memory for people.
func mebibytes(bytes int64) string {
	if bytes == 0 {
		return "unlimited"
	}
	return fmt.Sprintf("%dMiB", bytes>>20)
}

// processors is an amount of processor time for people.
func processors(nano int64) string {
	if nano == 0 {
		return "unlimited"
	}
	return fmt.Sprintf("%g", float64(nano)/1e9)
}
