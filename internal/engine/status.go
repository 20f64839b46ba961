package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/providers"
)

// MachineStatus is how a machine is, as `status` and the end of `up` show it.
type MachineStatus struct {
	Name     string       `json:"name"`
	State    string       `json:"state"` // a provider's State, or "not created", "missing", "unknown"
	Detail   string       `json:"detail,omitempty"`
	Provider string       `json:"provider,omitempty"`
	Ref      string       `json:"ref,omitempty"` // the provider's own name of it
	Address  string       `json:"address,omitempty"`
	Box      string       `json:"box,omitempty"`
	Ports    []PortStatus `json:"ports,omitempty"`
	Message  string       `json:"message,omitempty"`
}

// PortStatus is one port of a machine on the host.
type PortStatus struct {
	Host     string `json:"host"` // "127.0.0.1:8080"
	Guest    int    `json:"guest"`
	Protocol string `json:"protocol"`
	Open     bool   `json:"open"` // somebody of ours listens there
}

// States that only the engine knows.
const (
	StateNotCreated = "not created"
	StateMissing    = "missing" // made, but its provider has it no more
	StateUnknown    = "unknown" // its provider does not answer
)

// Status says how the machines are (all, when none is named). It never waits for a running `up`. A provider that does
// not answer is an error, and the states of the others are returned with it.
func (e *Engine) Status(ctx context.Context, names []string) ([]MachineStatus, error) {
	if err := e.knowMachines(names); err != nil {
		return nil, err
	}
	agent, err := forward.Inspect(ctx, e.folder.Path())
	if err != nil {
		return nil, err
	}
	var statuses []MachineStatus
	var problems []error
	for _, name := range e.names(names) {
		status, err := e.machineStatus(ctx, name, agent)
		if err != nil {
			problems = append(problems, fmt.Errorf("machine %s: %w", name, err))
		}
		statuses = append(statuses, status)
	}
	return statuses, errors.Join(problems...)
}

func (e *Engine) machineStatus(ctx context.Context, name string, agent forward.Status) (MachineStatus, error) {
	status := MachineStatus{Name: name, State: StateNotCreated, Message: e.config(name).Message}
	record, err := e.folder.Machine(name)
	if err != nil || record == nil {
		return status, err
	}
	status.Provider, status.Box = record.Provider, record.Box
	provider, err := e.provider(ctx, record.Provider)
	if err != nil {
		status.State = StateUnknown
		return status, err
	}
	found, err := provider.Inspect(ctx, e.machineID(name))
	switch {
	case errors.Is(err, providers.ErrNotFound) && record.Made:
		status.State = StateMissing
		return status, nil
	case errors.Is(err, providers.ErrNotFound):
		return status, nil
	case err != nil:
		status.State = StateUnknown
		return status, err
	}
	status.State, status.Detail = string(found.State), found.Detail
	status.Ref, status.Address = found.Ref, found.Address
	open := listening(agent, name)
	for _, port := range record.Ports {
		host := hostAddress(port)
		live := found.State == providers.Running &&
			(provider.Features().PublishesPorts || slices.Contains(open, host))
		status.Ports = append(status.Ports, PortStatus{Host: host, Guest: port.Guest, Protocol: port.Protocol, Open: live})
	}
	return status, nil
}
