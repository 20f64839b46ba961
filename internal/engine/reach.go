package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// Reached is a running machine that a command talks to.
type Reached struct {
	Name string
	Env  map[string]string // for logins
	// SSH says how OpenSSH's client gets there; nil where the machine is not reached by ssh.
	SSH *sshguest.OpenSSH

	engine   *Engine
	provider providers.Provider
	record   *state.Machine
}

// Reach finds a running machine; name "" means the primary one, or the only one. It does not wait for a running `up`.
func (e *Engine) Reach(ctx context.Context, name string) (*Reached, error) {
	config, err := e.pick(name)
	if err != nil {
		return nil, err
	}
	record, err := e.folder.Machine(config)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, hint.New(fmt.Errorf("machine %s: %w: it was not made yet", config, providers.ErrNotFound), "run `colabo up`")
	}
	provider, err := e.provider(ctx, record.Provider)
	if err != nil {
		return nil, err
	}
	status, err := provider.Inspect(ctx, e.machineID(config))
	if errors.Is(err, providers.ErrNotFound) {
		return nil, hint.New(fmt.Errorf("machine %s: %w: %s has it no more", config, providers.ErrNotFound, record.Provider), "run `colabo up` to make it anew")
	}
	if err != nil {
		return nil, err
	}
	if status.State != providers.Running {
		return nil, hint.New(fmt.Errorf("machine %s is %s", config, status.State), "run `colabo up "+config+"`")
	}
	reached := &Reached{Name: config, engine: e, provider: provider, record: record}
	if machine := e.config(config); machine != nil {
		if reached.Env, err = e.loginEnv(ctx, machine); err != nil {
			return nil, err
		}
	}
	if _, ok := providers.As[providers.GuestOpener](provider); !ok {
		reached.SSH = &sshguest.OpenSSH{
			Address: net.JoinHostPort(status.Address, sshPort), User: record.User,
			IdentityFile: e.folder.LoginKeyPath(), KnownHostsFile: e.folder.KnownHostsPath(),
			HostKeyAlias: state.HostAlias(record.Name),
		}
	}
	return reached, nil
}

// Guest connects to the machine; the caller closes it.
func (r *Reached) Guest(ctx context.Context) (guest.Guest, error) {
	return r.engine.connect(ctx, r.provider, r.record)
}

// pick returns the machine that a command means.
func (e *Engine) pick(name string) (string, error) {
	if name != "" {
		record, err := e.folder.Machine(name) // one that left the Colabofile can still be reached
		if err == nil && record == nil && e.config(name) == nil {
			err = e.unknownMachine(name)
		}
		return name, err
	}
	machines := e.Project.Machines
	for _, machine := range machines {
		if machine.Primary {
			return machine.Name, nil
		}
	}
	if len(machines) == 1 {
		return machines[0].Name, nil
	}
	return "", hint.New(fmt.Errorf("which machine? there are %s", strings.Join(e.names(nil), ", ")),
		"name one, or set primary = true for one in the Colabofile")
}
