package docker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/hostport"
	"github.com/colabo/colabo/providers"
)

const (
	// portPatience is how long a start waits for a port that the engine itself is about to let go of.
	portPatience = 5 * time.Second
	// portPause is between two tries.
	portPause = 100 * time.Millisecond
)

// Start implements providers.Provider. App containers of the machine that have a restart policy are up afterwards.
// An error about a published port that is taken wraps a *hostport.BusyError. Where the engine may have the port from a start
// of this container that was cut off or has just ended, it is waited for, though not for long.
func (p *Provider) Start(ctx context.Context, id providers.ID) error {
	summary, err := p.summary(ctx, id)
	if err != nil {
		return err
	}
	machine := found{container: summary.ID, labels: summary.Labels}
	operation := "start machine " + id.Machine
	if summary.State == container.StatePaused {
		if err := p.unpause(ctx, summary.ID); err != nil {
			return p.failed(ctx, operation, err)
		}
		return p.startApps(ctx, machine)
	}
	if err := p.startPatiently(ctx, machine, operation); err != nil {
		return err
	}
	return p.startApps(ctx, machine)
}

// startPatiently starts the machine's container, and tries again for as long as the engine itself may have its ports.
func (p *Provider) startPatiently(ctx context.Context, machine found, operation string) error {
	patience := time.NewTimer(p.portPatience)
	defer patience.Stop()
	for {
		err := p.startContainer(ctx, machine, operation)
		if busy, ok := errors.AsType[*hostport.BusyError](err); !ok || !enginesOwn(busy) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", operation, context.Cause(ctx))
		case <-patience.C:
			return err
		case <-time.After(portPause):
		}
	}
}

// startContainer starts the machine's container, which is stopped or runs already, on a network that is there.
func (p *Provider) startContainer(ctx context.Context, machine found, operation string) error {
	// Not cut off by ctx: the engine finishes what it began anyway, and then it is known how it ended.
	_, err := p.engine.ContainerStart(context.WithoutCancel(ctx), machine.container, client.ContainerStartOptions{})
	if err != nil {
		joined, joinErr := p.reconnect(ctx, machine)
		if joinErr != nil {
			return errors.Join(p.failed(ctx, operation, err), joinErr)
		}
		if joined {
			_, err = p.engine.ContainerStart(context.WithoutCancel(ctx), machine.container, client.ContainerStartOptions{})
		}
	}
	if err != nil {
		return p.startError(ctx, machine, operation, err)
	}
	return nil
}

// unpause lets a container go on; one that is not paused any more, or is gone, is left as it is.
func (p *Provider) unpause(ctx context.Context, id string) error {
	_, err := p.engine.ContainerUnpause(context.WithoutCancel(ctx), id, client.ContainerUnpauseOptions{})
	if err == nil || !errdefs.IsConflict(err) && !errdefs.IsInternal(err) {
		return err
	}
	inspected, inspectErr := p.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if inspectErr == nil && inspected.Container.State != nil && inspected.Container.State.Running && !inspected.Container.State.Paused {
		return nil
	}
	return err
}

// enginesOwn is whether a busy port, which busy found no container to have, may be one that the engine holds for a container
// that it is starting or ending: by its proxy, or, where no owner can be seen, by its own books.
func enginesOwn(busy *hostport.BusyError) bool {
	return busy.Owner == "" || strings.HasPrefix(busy.Owner, "docker-proxy ")
}

// startError finds the published port that an error is about: the engine notices at the start only that one is taken.
func (p *Provider) startError(ctx context.Context, machine found, operation string, failure error) error {
	text := failure.Error()
	if !strings.Contains(text, "already allocated") && !strings.Contains(text, "already in use") {
		return p.failed(ctx, operation, failure)
	}
	inspected, err := p.engine.ContainerInspect(ctx, machine.container, client.ContainerInspectOptions{})
	if err != nil || inspected.Container.HostConfig == nil {
		return p.failed(ctx, operation, failure)
	}
	for guest, bindings := range inspected.Container.HostConfig.PortBindings {
		for _, binding := range bindings {
			address := net.JoinHostPort(binding.HostIP.String(), binding.HostPort)
			if !strings.Contains(text, address+":") && !strings.Contains(text, address+" ") {
				continue
			}
			busy := p.busy(ctx, string(guest.Proto()), address, binding.HostPort)
			return hint.New(fmt.Errorf("%s: %w", operation, busy),
				"end what uses the port, or publish guest port "+guest.Port()+" on another one")
		}
	}
	return p.failed(ctx, operation, failure)
}

// busy names who has a port: another container, else the process that the system shows.
func (p *Provider) busy(ctx context.Context, protocol, address, port string) error {
	list, err := p.engine.ContainerList(ctx, client.ContainerListOptions{
		Filters: client.Filters{}.Add("publish", port+"/"+protocol),
	})
	if err == nil {
		for _, summary := range list.Items {
			if publishes(summary, protocol, address) {
				return &hostport.BusyError{Address: address, Owner: "container " + containerRef(summary)}
			}
		}
	}
	if busy, ok := errors.AsType[*hostport.BusyError](hostport.Free(protocol, address)); ok {
		return busy
	}
	return &hostport.BusyError{Address: address}
}

// publishes is whether a container has a port of the host, its address or all of them.
func publishes(summary container.Summary, protocol, address string) bool {
	for _, port := range portsOf(summary.Ports) {
		ip, err := netip.ParseAddr(port.Address)
		everywhere := err == nil && ip.IsUnspecified()
		own := net.JoinHostPort(port.Address, strconv.Itoa(port.Host))
		if port.Protocol == protocol && (own == address || everywhere && strings.HasSuffix(address, ":"+strconv.Itoa(port.Host))) {
			return true
		}
	}
	return false
}

// Stop implements providers.Provider. App containers of the machine are stopped before it, and have grace too.
func (p *Provider) Stop(ctx context.Context, id providers.ID, grace time.Duration) error {
	machine, err := p.find(ctx, id)
	if err != nil {
		return err
	}
	apps, err := p.apps(ctx, id)
	if err != nil {
		return err
	}
	if err := each(apps, func(app container.Summary) error { return p.halt(ctx, app.ID, grace) }); err != nil {
		return fmt.Errorf("stop machine %s: %w", id.Machine, err)
	}
	if err := p.halt(ctx, machine.container, grace); err != nil {
		return fmt.Errorf("stop machine %s: %w", id.Machine, err)
	}
	return nil
}

// halt stops one container: its stop signal, and after grace SIGKILL. One that does not run is left alone.
func (p *Provider) halt(ctx context.Context, id string, grace time.Duration) error {
	seconds := int(math.Ceil(grace.Seconds()))
	_, err := p.engine.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &seconds})
	if missing(err) {
		return nil
	}
	return p.failed(ctx, "stop container", err)
}
