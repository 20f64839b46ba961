package libvirt

import (
	"context"
	"fmt"
	"time"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

const (
	// powerPoll is how often a guest that was asked to shut down is looked at; a look takes a fraction of a millisecond.
	powerPoll = 50 * time.Millisecond
	// askAgain is when a guest that did not hear the power button, because it was still booting, is asked once more.
	askAgain = 5 * time.Second
)

// machine finds the domain of a machine that is to be worked with. The caller frees it.
func (p *provider) machine(ctx context.Context, conn *binding.Connect, id providers.ID) (*machine, error) {
	m, err := findMachine(conn, id)
	if err != nil || m != nil {
		return m, err
	}
	owners, err := p.volumeOwners(ctx, conn)
	if err != nil {
		return nil, err
	}
	if _, ok := owners[id]; ok {
		return nil, fmt.Errorf("%s: %w", id.Machine, errHalfMade)
	}
	return nil, fmt.Errorf("%s: %w", id.Machine, providers.ErrNotFound)
}

// Start starts the machine, and its network where that was stopped; a paused machine goes on.
func (p *provider) Start(ctx context.Context, id providers.ID) error {
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	m, err := p.machine(ctx, conn, id)
	if err != nil {
		return err
	}
	defer free(m)
	state, reason, err := m.GetState()
	if err != nil {
		return fmt.Errorf("state of domain %s: %w", m.Name, err)
	}
	switch now, _ := stateOf(state, reason, nil); now {
	case providers.Running:
		return nil
	case providers.Paused:
		if err := m.Resume(); err != nil {
			return fmt.Errorf("resume domain %s: %w", m.Name, err)
		}
		return nil
	}
	if err := p.rejoinNetwork(ctx, conn, m); err != nil {
		return fmt.Errorf("start %s: %w", id.Machine, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err = m.Create()
	if err == nil {
		return nil
	}
	if state, _, stateErr := m.GetState(); stateErr == nil && state == binding.DOMAIN_RUNNING {
		return nil // somebody else was faster
	}
	return fmt.Errorf("start domain %s: %w", m.Name, err)
}

// rejoinNetwork makes sure that the domain's network is there, runs and has the machine in it.
func (p *provider) rejoinNetwork(ctx context.Context, conn *binding.Connect, m *machine) error {
	if len(m.Devices.Interfaces) == 0 {
		return nil
	}
	wanted := m.Devices.Interfaces[0].Source.Network
	found, err := p.joinNetwork(ctx, conn, member{tag: m.tag(), mac: m.mac(), network: wanted})
	if err == nil && found != wanted {
		err = fmt.Errorf("its network is named %s, and the domain wants %s", found, wanted)
	}
	return err
}

// Stop presses the guest's power button, waits for grace, and then turns the machine off.
func (p *provider) Stop(ctx context.Context, id providers.ID, grace time.Duration) error {
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	m, err := p.machine(ctx, conn, id)
	if err != nil {
		return err
	}
	defer free(m)
	off, err := m.shutDown(ctx, grace)
	if err != nil {
		return fmt.Errorf("stop domain %s: %w", m.Name, err)
	}
	if off {
		return nil
	}
	p.log.Debug("libvirt: turning off", "domain", m.Name, "grace", grace)
	if err := m.turnOff(); err != nil {
		return fmt.Errorf("turn off domain %s: %w", m.Name, err)
	}
	return nil
}

// shutDown asks the guest and waits until it is off, at most for grace.
func (m *machine) shutDown(ctx context.Context, grace time.Duration) (off bool, err error) {
	deadline := time.Now().Add(grace)
	var asked time.Time
	for {
		state, _, err := m.GetState()
		switch {
		case err != nil:
			return false, err
		case state == binding.DOMAIN_SHUTOFF:
			return true, nil
		case state == binding.DOMAIN_PAUSED, state == binding.DOMAIN_CRASHED, !time.Now().Before(deadline):
			return false, nil // nobody in there hears the button
		}
		if time.Since(asked) >= askAgain {
			if err := m.ShutdownFlags(binding.DOMAIN_SHUTDOWN_ACPI_POWER_BTN); err != nil && !notRunning(err) {
				return false, err
			}
			asked = time.Now()
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(powerPoll):
		}
	}
}

// turnOff pulls the plug; a machine that is off already is left alone.
func (m *machine) turnOff() error {
	if err := m.Destroy(); err != nil && !notRunning(err) {
		return err
	}
	return nil
}

// notRunning says whether a call was refused because the domain is off, or gone.
func notRunning(err error) bool {
	return binding.HasCode(err, binding.ERR_OPERATION_INVALID, binding.ERR_NO_DOMAIN)
}
