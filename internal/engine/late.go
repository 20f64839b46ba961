package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/colabo/colabo/internal/colabofile"
)

// lateValues are the values of references that are known only while a command runs: secrets that were read, addresses of
// machines that run. Its zero value is empty.
type lateValues struct {
	mu     sync.Mutex
	values map[colabofile.Ref]string
}

func (l *lateValues) get(ref colabofile.Ref) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	value, known := l.values[ref]
	return value, known
}

func (l *lateValues) set(ref colabofile.Ref, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.values == nil {
		l.values = map[colabofile.Ref]string{}
	}
	l.values[ref] = value
}

// refsOf are all references of a machine, its steps and its checks.
func refsOf(machine *colabofile.Machine) []colabofile.Ref {
	refs := slices.Clone(machine.Refs)
	for _, step := range machine.Steps {
		refs = append(refs, step.Refs...)
	}
	for _, check := range machine.Checks {
		refs = append(refs, check.Refs...)
	}
	return refs
}

// refs are all references of the machines with these names.
func (e *Engine) refs(names []string) []colabofile.Ref {
	var refs []colabofile.Ref
	for _, machine := range e.Project.Machines {
		if slices.Contains(names, machine.Name) {
			refs = append(refs, refsOf(machine)...)
		}
	}
	return refs
}

// knowAddresses takes the addresses of the machines that run.
func (e *Engine) knowAddresses(have *observed) {
	for name, machine := range have.machines {
		if machine.running() {
			e.knowAddress(name, machine.status.Address)
		}
	}
}

func (e *Engine) knowAddress(machine, address string) {
	if address != "" {
		e.late.set(colabofile.Ref{Space: colabofile.MachineSpace, Name: machine}, address)
	}
}

// fingerprints are those of the references whose values are known, by the reference as it is written.
func (e *Engine) fingerprints(refs []colabofile.Ref) map[string]string {
	known := map[string]string{}
	for _, ref := range refs {
		if value, ok := e.late.get(ref); ok {
			known[ref.String()] = e.fingerprint(ref, value)
		}
	}
	return known
}

// settle returns a machine's configuration with the references replaced whose values are known.
func (e *Engine) settle(machine *colabofile.Machine) (*colabofile.Machine, error) {
	values := map[colabofile.Ref]string{}
	for _, ref := range refsOf(machine) {
		if value, known := e.late.get(ref); known {
			values[ref] = value
		}
	}
	if len(values) == 0 {
		return machine, nil
	}
	project, err := e.Project.Resolve(values)
	if err != nil {
		return nil, fmt.Errorf("with the values of its references: %w", err)
	}
	at := slices.IndexFunc(project.Machines, func(m *colabofile.Machine) bool { return m.Name == machine.Name })
	return project.Machines[at], nil // it is made of the same file
}

// settled is the machine's configuration for a guest that runs: every reference has to have its value by now.
func (r *machineRun) settled(ctx context.Context) (*colabofile.Machine, error) {
	refs := refsOf(r.want.config)
	if len(refs) == 0 {
		return r.want.config, nil
	}
	if r.config != nil {
		return r.config, nil
	}
	if err := r.engine.findAddresses(ctx, refs); err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if _, known := r.engine.late.get(ref); !known {
			return nil, fmt.Errorf("%s has no value: the machine has no address", ref)
		}
	}
	var err error
	r.config, err = r.engine.settle(r.want.config)
	return r.config, err
}

// findAddresses asks where the machines are that the references name.
func (e *Engine) findAddresses(ctx context.Context, refs []colabofile.Ref) error {
	for _, ref := range refs {
		if ref.Space != colabofile.MachineSpace {
			continue
		}
		record, err := e.folder.Machine(ref.Name)
		if err != nil {
			return err
		}
		if record == nil {
			continue
		}
		provider, err := e.provider(ctx, record.Provider)
		if err != nil {
			return err
		}
		status, err := provider.Inspect(ctx, e.machineID(ref.Name))
		if err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		e.knowAddress(ref.Name, status.Address)
	}
	return nil
}

// known returns a machine's configuration as far as its references are known; false where one of the step's, or of the
// environment that it runs in, is not.
func (e *Engine) known(machine *colabofile.Machine, step colabofile.Step) (*colabofile.Machine, bool, error) {
	for _, ref := range slices.Concat(machine.Refs, step.Refs) {
		if _, known := e.late.get(ref); !known {
			return nil, false, nil
		}
	}
	config, err := e.settle(machine)
	return config, err == nil, err
}

// loginEnv is the environment of a login to a machine that runs.
func (e *Engine) loginEnv(ctx context.Context, machine *colabofile.Machine) (map[string]string, error) {
	if len(machine.Refs) == 0 {
		return machine.Env, nil
	}
	if err := errors.Join(e.readSecrets(ctx, machine.Refs), e.findAddresses(ctx, machine.Refs)); err != nil {
		return nil, err
	}
	settled, err := e.settle(machine)
	if err != nil {
		return nil, err
	}
	return settled.Env, nil
}

// changedRef says which of a step's references has another value than when the step succeeded; "" when none is known to.
func changedRef(then, now map[string]string) string {
	for _, ref := range slices.Sorted(maps.Keys(now)) {
		if before, known := then[ref]; known && before != now[ref] {
			return ref + " changed"
		}
	}
	return ""
}

// withAddresses is a message with the addresses of machines in place of their references.
func withAddresses(message string, statuses []MachineStatus) string {
	for _, status := range statuses {
		ref := colabofile.Ref{Space: colabofile.MachineSpace, Name: status.Name}.String()
		if status.Address != "" {
			message = strings.ReplaceAll(message, ref, status.Address)
		}
	}
	return message
}
