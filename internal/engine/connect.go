package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

const (
	// bootTimeout is how long a guest may take until it answers; an emulated processor with several guests on it is slow.
	bootTimeout = 10 * time.Minute
	// bootWatch is how often the provider is asked whether the machine still runs.
	bootWatch = 2 * time.Second
	// consoleTail is how much of the console an error shows.
	consoleTail = 2048
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

// waitForGuest waits until a machine that was started answers. A machine that stops meanwhile, or does not answer in
// time, is an error that shows the end of its console.
func (e *Engine) waitForGuest(ctx context.Context, provider providers.Provider, record *state.Machine, report providers.Report) (guest.Guest, error) {
	if _, ok := providers.As[providers.GuestOpener](provider); ok {
		return e.connect(ctx, provider, record)
	}
	config, err := e.sshConfig(ctx, provider, record)
	if err != nil {
		return nil, err
	}
	waiting, stop := context.WithTimeoutCause(ctx, bootTimeout, fmt.Errorf("no answer within %s", bootTimeout))
	defer stop()
	waiting, fail := context.WithCancelCause(waiting)
	defer fail(nil)
	go e.watchBoot(waiting, provider, record.Name, fail)
	last := ""
	g, err := sshguest.WaitConnect(waiting, config, func(err error) {
		if text := fmt.Sprintf("waiting for ssh at %s: %s", config.Address, rootCause(err)); text != last {
			last = text
			report(text)
		}
	})
	if err == nil {
		return g, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if cause := context.Cause(waiting); cause != nil {
		err = fmt.Errorf("%w; last: %w", cause, err)
	}
	return nil, e.withConsole(ctx, provider, record.Name, err)
}

// watchBoot ends the wait when the machine does not run any more.
func (e *Engine) watchBoot(ctx context.Context, provider providers.Provider, machine string, fail context.CancelCauseFunc) {
	tick := time.NewTicker(bootWatch)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		status, err := provider.Inspect(ctx, e.machineID(machine))
		switch {
		case errors.Is(err, providers.ErrNotFound):
			fail(errors.New("the machine was removed while it booted"))
		case err == nil && status.State != providers.Running:
			fail(errors.New(strings.TrimSpace(fmt.Sprintf("the machine is %s instead of booting %s", status.State, status.Detail))))
		}
	}
}

// withConsole adds the end of the machine's console to an error, as a hint where to look.
func (e *Engine) withConsole(ctx context.Context, provider providers.Provider, machine string, err error) error {
	reader, ok := providers.As[providers.ConsoleReader](provider)
	if !ok {
		return err
	}
	tail, readErr := reader.Console(ctx, e.machineID(machine), consoleTail)
	if readErr != nil || len(tail) == 0 {
		return hint.New(err, "its console is empty: the image may not be bootable, or the processor hangs; try accelerator = \"tcg\"")
	}
	return fmt.Errorf("%w; its console ends with:\n%s", err, strings.TrimSpace(string(tail)))
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
