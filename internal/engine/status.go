package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/state"
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
	Stage    string       `json:"stage,omitempty"` // what a command does with it right now: "up: step db"
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
	shown, err := e.shown(names)
	if err != nil {
		return nil, err
	}
	agent, err := forward.Inspect(ctx, e.folder.Path())
	if err != nil {
		return nil, err
	}
	var statuses []MachineStatus
	var problems []error
	makers, err := e.makers(ctx, shown)
	if err != nil {
		return nil, err
	}
	for _, name := range shown {
		status, err := e.machineStatus(ctx, name, makers[name], agent)
		if err != nil {
			problems = append(problems, fmt.Errorf("machine %s: %w", name, err))
		}
		statuses = append(statuses, status)
	}
	stages := e.underWay()
	for i := range statuses {
		statuses[i].Stage = stages[statuses[i].Name]
		statuses[i].Message = withAddresses(statuses[i].Message, statuses)
	}
	return statuses, errors.Join(problems...)
}

// shown are the machines that Status is about: those of the Colabofile, then those that were made and left it.
func (e *Engine) shown(only []string) ([]string, error) {
	shown := e.names(nil)
	strays, err := e.strays()
	if err != nil {
		return nil, err
	}
	for _, stray := range strays {
		shown = append(shown, stray.Name)
	}
	if len(only) == 0 {
		return shown, nil
	}
	for _, name := range only {
		if !slices.Contains(shown, name) {
			return nil, e.unknownMachine(name)
		}
	}
	return slices.DeleteFunc(shown, func(name string) bool { return !slices.Contains(only, name) }), nil
}

func (e *Engine) machineStatus(ctx context.Context, name, maker string, agent forward.Status) (MachineStatus, error) {
	status := MachineStatus{Name: name, State: StateNotCreated}
	if config := e.config(name); config != nil {
		status.Message = config.Message
	}
	record, err := e.folder.Machine(name)
	if err != nil || maker == "" {
		return status, err
	}
	if record == nil { // lost; the tag is there
		record = &state.Machine{Name: name, Provider: maker}
	}
	status.Provider, status.Box = record.Provider, record.Box
	provider, err := e.provider(ctx, maker)
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
	e.describe(&status, record, provider, found, agent)
	return status, nil
}

// describe fills in what the provider and the forward agent know of a machine.
func (e *Engine) describe(status *MachineStatus, record *state.Machine, provider providers.Provider, found providers.Status, agent forward.Status) {
	status.State, status.Detail = string(found.State), found.Detail
	status.Ref, status.Address = found.Ref, found.Address
	if e.config(record.Name) == nil {
		status.Detail = strings.TrimPrefix(status.Detail+"; no longer in the Colabofile", "; ")
	}
	ports := record.Ports
	if provider.Features().PublishesPorts {
		ports = found.Ports
	}
	ports = slices.SortedFunc(slices.Values(ports), func(a, b providers.Port) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Guest, b.Guest), cmp.Compare(a.Address, b.Address))
	})
	open := listening(agent, record.Name)
	for _, port := range ports {
		host := hostAddress(port)
		live := found.State == providers.Running &&
			(provider.Features().PublishesPorts || slices.Contains(open, host))
		status.Ports = append(status.Ports, PortStatus{Host: host, Guest: port.Guest, Protocol: port.Protocol, Open: live})
	}
}
