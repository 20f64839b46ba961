package engine

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// forwards is what the project's forward agent is to do: the ports of every machine whose provider does not publish them.
// It is filled machine by machine while an `up` goes on; the agent always gets the whole.
type forwards struct {
	engine *Engine
	mu     sync.Mutex
	config forward.Config
}

// currentForwards starts from what the agent does already, so that adding one machine takes nothing from the others.
func (e *Engine) currentForwards(ctx context.Context, agent forward.Status) (*forwards, error) {
	f := &forwards{engine: e, config: forward.Config{Targets: map[string]forward.Target{}}}
	records, err := e.folder.Machines()
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if _, served := agent.Machines[record.Name]; !served {
			continue
		}
		provider, err := e.provider(ctx, record.Provider)
		if err != nil {
			return nil, err
		}
		target, err := e.forwardTarget(ctx, provider, record)
		if err != nil {
			e.Log.Debug("forwards are dropped", "machine", record.Name, "error", err)
			continue // it is gone, or has no address: there is nothing to forward to
		}
		f.config.Targets[record.Name] = target
	}
	for _, open := range agent.Forwards {
		if _, known := f.config.Targets[open.Machine]; known {
			f.config.Forwards = append(f.config.Forwards, open)
		}
	}
	return f, nil
}

// forwardTarget says how the agent reaches a machine.
func (e *Engine) forwardTarget(ctx context.Context, provider providers.Provider, record *state.Machine) (forward.Target, error) {
	ssh, err := e.sshConfig(ctx, provider, record)
	return forward.Target{
		Address: ssh.Address, User: ssh.User, KeyFile: e.folder.LoginKeyPath(), HostKey: ssh.HostKey,
		Emulated: ssh.Emulated,
	}, err
}

// add has the machine's ports forwarded. Ports that can't be listened on are errors, all of them.
func (f *forwards) add(ctx context.Context, provider providers.Provider, record *state.Machine) error {
	target, err := f.engine.forwardTarget(ctx, provider, record)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.config = without(f.config, record.Name)
	f.config.Targets[record.Name] = target
	for _, port := range record.Ports {
		f.config.Forwards = append(f.config.Forwards, forward.Forward{
			Machine: record.Name, Protocol: port.Protocol, Listen: hostAddress(port), Target: guestAddress(port),
		})
	}
	return f.apply(ctx)
}

// remove ends the machine's forwards; without any left the agent ends too.
func (f *forwards) remove(ctx context.Context, machine string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.config.Targets[machine]; !known {
		return nil
	}
	f.config = without(f.config, machine)
	return f.apply(ctx)
}

func (f *forwards) apply(ctx context.Context) error {
	folder := f.engine.folder.Path()
	result, err := forward.Apply(ctx, folder, append(slices.Clone(f.engine.Agent), folder), f.config)
	if err != nil {
		return err
	}
	var problems []error
	for _, failure := range result.Failed {
		problems = append(problems, failure)
	}
	return errors.Join(problems...)
}

// without is the configuration less one machine.
func without(config forward.Config, machine string) forward.Config {
	less := forward.Config{Targets: map[string]forward.Target{}}
	for name, target := range config.Targets {
		if name != machine {
			less.Targets[name] = target
		}
	}
	for _, f := range config.Forwards {
		if f.Machine != machine {
			less.Forwards = append(less.Forwards, f)
		}
	}
	return less
}

// listening are the host's addresses on which the agent listens for a machine.
func listening(agent forward.Status, machine string) []string {
	var addresses []string
	for _, f := range agent.Forwards {
		if f.Machine == machine {
			addresses = append(addresses, f.Listen)
		}
	}
	return addresses
}
