package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// makers says which provider made each of the machines, by its record or, where that is lost, by its tag.
func (e *Engine) makers(ctx context.Context, names []string) (map[string]string, error) {
	makers := map[string]string{}
	unrecorded := false
	for _, name := range names {
		record, err := e.folder.Machine(name)
		if err != nil {
			return nil, err
		}
		if record == nil {
			unrecorded = true
			continue
		}
		makers[name] = record.Provider
	}
	if !unrecorded {
		return makers, nil
	}
	tagged, err := e.tagged(ctx)
	for name, maker := range tagged {
		if _, recorded := makers[name]; !recorded {
			makers[name] = maker
		}
	}
	return makers, err
}

// tagged lists the machines that carry the project's tag, with their providers. A provider that is not usable here has none:
// what it may have is told as soon as a record names it.
func (e *Engine) tagged(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	for _, kind := range e.Providers {
		provider, err := e.provider(ctx, kind.Name)
		if errors.Is(err, providers.ErrUnavailable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		statuses, err := provider.List(ctx, e.id)
		if errors.Is(err, providers.ErrUnavailable) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Name, err)
		}
		for _, status := range statuses {
			found[status.Machine] = kind.Name
		}
	}
	return found, nil
}

// owned returns the records of the named machines, of all when none is named: also of those that left the Colabofile,
// and of those whose records are lost, which have just a name and a provider. A name that nothing is known of is an error.
func (e *Engine) owned(ctx context.Context, names []string) ([]*state.Machine, error) {
	records, err := e.folder.Machines()
	if err != nil {
		return nil, err
	}
	tagged, err := e.tagged(ctx)
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		delete(tagged, record.Name)
	}
	for name, maker := range tagged {
		records = append(records, &state.Machine{Name: name, Provider: maker, Made: true})
	}
	slices.SortFunc(records, func(a, b *state.Machine) int { return strings.Compare(a.Name, b.Name) })
	if len(names) == 0 {
		return records, nil
	}
	var named []*state.Machine
	for _, name := range names {
		at := slices.IndexFunc(records, func(m *state.Machine) bool { return m.Name == name })
		switch {
		case at >= 0:
			named = append(named, records[at])
		case e.config(name) == nil:
			return nil, e.unknownMachine(name)
		}
	}
	return named, nil
}

// strays are the machines that were made and are no longer in the Colabofile.
func (e *Engine) strays() ([]*state.Machine, error) {
	records, err := e.folder.Machines()
	return slices.DeleteFunc(records, func(m *state.Machine) bool { return e.config(m.Name) != nil }), err
}
