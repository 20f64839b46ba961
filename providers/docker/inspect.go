package docker

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// Inspect implements providers.Provider. Status.Ports of a machine that runs are those that the engine publishes. Of one that
// does not they are those that it will publish, less those whose number the engine will choose: the engine, which calls a
// container "created" until its start is through, may hold them already, or hold them still.
func (p *Provider) Inspect(ctx context.Context, id providers.ID) (providers.Status, error) {
	summary, err := p.summary(ctx, id)
	if err != nil {
		return providers.Status{}, err
	}
	return p.status(ctx, summary)
}

// List implements providers.Provider.
func (p *Provider) List(ctx context.Context, project string) ([]providers.Status, error) {
	filters := match(labelRole, roleMachine)
	if project != "" {
		filters.Add("label", labelProject+"="+project)
	}
	list, err := p.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, p.failed(ctx, "list machines", err)
	}
	byMachine := map[providers.ID][]container.Summary{}
	for _, summary := range list.Items {
		id := found{labels: summary.Labels}.id()
		byMachine[id] = append(byMachine[id], summary)
	}
	machines := make([]providers.Status, 0, len(byMachine))
	for _, all := range byMachine {
		summary := *presentMachine(all)
		status, err := p.status(ctx, summary)
		if err != nil {
			return nil, err
		}
		machines = append(machines, status)
	}
	slices.SortFunc(machines, func(a, b providers.Status) int {
		return cmp.Or(cmp.Compare(a.Machine, b.Machine), cmp.Compare(a.Project, b.Project))
	})
	return machines, nil
}

// summary returns what the engine lists of a machine's container. ErrNotFound.
func (p *Provider) summary(ctx context.Context, id providers.ID) (container.Summary, error) {
	list, err := p.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: machineFilter(id)})
	if err != nil {
		return container.Summary{}, p.failed(ctx, "look for machine "+id.Machine, err)
	}
	present := presentMachine(list.Items)
	if present == nil {
		return container.Summary{}, fmt.Errorf("machine %s: %w", id.Machine, providers.ErrNotFound)
	}
	return *present, nil
}

// status reads a listed container; one that is not up is asked for the reason and for its ports.
func (p *Provider) status(ctx context.Context, summary container.Summary) (providers.Status, error) {
	status := statusOf(summary)
	if status.State == providers.Running || status.State == providers.Paused {
		return status, nil
	}
	inspected, err := p.engine.ContainerInspect(ctx, summary.ID, client.ContainerInspectOptions{})
	if missing(err) {
		return status, nil // just removed; what was listed stands
	}
	if err != nil {
		return status, p.failed(ctx, "look at machine "+status.Machine, err)
	}
	if host := inspected.Container.HostConfig; host != nil {
		status.Ports = boundPorts(host.PortBindings)
	}
	if state := inspected.Container.State; state != nil && summary.State != container.StateCreated {
		status.Detail = detail(*state)
	}
	return status, nil
}

// detail says why a container is not up; nothing where it was stopped as one stops machines.
func detail(state container.State) string {
	switch {
	case state.OOMKilled && state.ExitCode == 137:
		return "it was ended for want of memory"
	case state.Status == container.StateDead || state.Status == container.StateRemoving:
		return "its removal did not come to an end"
	case state.Error != "":
		return strings.Join(strings.Fields(state.Error), " ")
	}
	return ""
}

// statusOf is what a listed container tells of a machine.
func statusOf(summary container.Summary) providers.Status {
	labels := summary.Labels
	status := providers.Status{
		ID:          providers.ID{Project: labels[labelProject], Machine: labels[labelMachine]},
		Ref:         containerRef(summary),
		State:       stateOf(summary.State),
		Digest:      labels[labelSpec],
		ImageDigest: labels[labelImage],
		ProjectDir:  labels[labelProjectDir],
		Ports:       portsOf(summary.Ports),
	}
	if summary.NetworkSettings != nil {
		for _, endpoint := range summary.NetworkSettings.Networks {
			if endpoint != nil && endpoint.IPAddress.IsValid() {
				status.Address = endpoint.IPAddress.String()
			}
		}
	}
	return status
}

// containerRef is a container's name, without the engine's slash.
func containerRef(summary container.Summary) string {
	for _, name := range summary.Names {
		return strings.TrimPrefix(name, "/")
	}
	return summary.ID
}

// stateOf is a container's state as a machine's. A container that ended by itself, even for want of memory, is a stopped
// machine: it can be started, and what is on its disk is there.
func stateOf(state container.ContainerState) providers.State {
	switch state {
	case container.StateRunning, container.StateRestarting:
		return providers.Running
	case container.StatePaused:
		return providers.Paused
	case container.StateCreated, container.StateExited:
		return providers.Stopped
	}
	return providers.Broken
}

// portsOf are the published ports, each once: the engine lists one that is published on every address twice.
func portsOf(summaries []container.PortSummary) []providers.Port {
	var ports []providers.Port
	for _, summary := range summaries {
		if summary.PublicPort == 0 {
			continue
		}
		address := summary.IP
		if address == netip.IPv6Unspecified() {
			address = netip.IPv4Unspecified()
		}
		port := providers.Port{
			Host: int(summary.PublicPort), Guest: int(summary.PrivatePort), Address: address.String(), Protocol: summary.Type,
		}
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	sortPorts(ports)
	return ports
}

// boundPorts are the ports that a container was made to publish, less those whose number the engine chooses.
func boundPorts(bindings network.PortMap) []providers.Port {
	var ports []providers.Port
	for guest, all := range bindings {
		for _, binding := range all {
			number, err := strconv.Atoi(binding.HostPort)
			if err != nil || number == 0 {
				continue
			}
			address := binding.HostIP
			if !address.IsValid() || address == netip.IPv6Unspecified() {
				address = netip.IPv4Unspecified()
			}
			ports = append(ports, providers.Port{
				Host: number, Guest: int(guest.Num()), Address: address.String(), Protocol: string(guest.Proto()),
			})
		}
	}
	sortPorts(ports)
	return ports
}

func sortPorts(ports []providers.Port) {
	slices.SortFunc(ports, func(a, b providers.Port) int {
		return cmp.Or(cmp.Compare(a.Guest, b.Guest), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Address, b.Address))
	})
}
