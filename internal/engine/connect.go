package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

const (
	// bootTimeout is how long a guest may take until it answers; an emulated processor with several guests on it is slow.
	bootTimeout = 10 * time.Minute
	sshPort     = "22"
)

// connect returns the guest of a running machine: by the provider's own way in, else over the connection that the forward
// agent keeps (a login costs a second in an emulated guest), else by ssh.
func (e *Engine) connect(ctx context.Context, provider providers.Provider, record *state.Machine) (guest.Guest, error) {
	if opener, ok := providers.As[providers.GuestOpener](provider); ok {
		return opener.OpenGuest(ctx, e.machineID(record.Name), record.User)
	}
	agent, err := forward.Inspect(ctx, e.folder.Path())
	if err != nil {
		return nil, err
	}
	if _, served := agent.Machines[record.Name]; served {
		return forward.Guest(e.folder.Path(), record.Name), nil
	}
	config, err := e.sshConfig(ctx, provider, record)
	if err != nil {
		return nil, err
	}
	g, err := sshguest.Connect(ctx, config)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// sshConfig says how to reach a machine by ssh.
func (e *Engine) sshConfig(ctx context.Context, provider providers.Provider, record *state.Machine) (sshguest.Config, error) {
	status, err := provider.Inspect(ctx, e.machineID(record.Name))
	if err != nil {
		return sshguest.Config{}, err
	}
	if status.Address == "" {
		return sshguest.Config{}, fmt.Errorf("machine %s has no address", record.Name)
	}
	login, err := e.folder.LoginKey(e.Project.Name)
	if err != nil {
		return sshguest.Config{}, err
	}
	host, err := e.folder.HostKey(record.Name)
	return sshguest.Config{
		Address:    net.JoinHostPort(status.Address, sshPort),
		User:       record.User,
		PrivateKey: []byte(login.Private),
		HostKey:    host.Public,
		Emulated:   emulated(provider),
		Log:        e.Log.With("machine", record.Name),
	}, err
}

// emulated says that the guest's processor is slow, so that ssh chooses ciphers that cost it little.
func emulated(provider providers.Provider) bool {
	accelerator, ok := providers.As[providers.Accelerator](provider)
	if !ok {
		return false
	}
	native, _ := accelerator.Acceleration()
	return !native
}

// waitForGuest waits until a machine that was started answers. A machine that stops meanwhile, that will never come up, or
// that does not answer in time, is an error that names the likely cause.
func (e *Engine) waitForGuest(ctx context.Context, provider providers.Provider, record *state.Machine, report providers.Report) (guest.Guest, error) {
	if _, ok := providers.As[providers.GuestOpener](provider); ok {
		return e.connect(ctx, provider, record)
	}
	config, err := e.sshConfig(ctx, provider, record)
	if err != nil {
		return nil, err
	}
	return e.watchBoot(ctx, provider, record.Name, func(ctx context.Context, watch *bootWatch) (guest.Guest, error) {
		last := ""
		return sshguest.WaitConnect(ctx, config, func(err error) {
			watch.heard(err)
			if text := fmt.Sprintf("waiting for ssh at %s: %s", config.Address, rootCause(err)); text != last {
				last = text
				report(text)
			}
		})
	})
}

// rootCause is the innermost text of an error chain, short enough for a progress line.
func rootCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
