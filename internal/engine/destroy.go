package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// Destroy removes the named machines; when none is named, all of the project: machines, networks, images, forwards and
// the state folder. What to remove is found by its tag, not by the records. Idempotent.
func (e *Engine) Destroy(ctx context.Context, names []string) error {
	records, err := e.owned(ctx, names)
	if err != nil {
		return err
	}
	if len(records) == 0 && (len(names) > 0 || !e.folder.Exists()) {
		e.emit(event.Event{Type: event.Notice, Text: "there is no machine to destroy"})
		if len(names) > 0 {
			return nil
		}
	}
	lock, err := e.lock(ctx, "destroy")
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := e.destroyMachines(ctx, names); err != nil {
		return err
	}
	if len(names) > 0 {
		return nil
	}
	if err := e.purge(ctx); err != nil {
		return err
	}
	if cutOff(records) {
		// A daemon finishes what a client asked for that was killed meanwhile: what it makes can appear after we looked.
		if err := e.purgeLater(ctx); err != nil {
			return err
		}
	}
	if err := forward.Stop(ctx, e.folder.Path()); err != nil {
		return err
	}
	return errors.Join(e.Registry.Remove(e.id), e.folder.Remove())
}

func (e *Engine) destroyMachines(ctx context.Context, names []string) error {
	return e.eachOwned(ctx, names, func(ctx context.Context, f *forwards, record *state.Machine) error {
		return e.stage(ctx, record.Name, "destroy", func(ctx context.Context, _ *stage) error {
			if err := f.remove(ctx, record.Name); err != nil {
				return err
			}
			provider, err := e.provider(ctx, record.Provider)
			if err != nil {
				return err
			}
			if err := provider.Destroy(ctx, e.machineID(record.Name)); err != nil {
				return err
			}
			return e.folder.RemoveMachine(record.Name)
		})
	})
}

// purge has every provider that is usable here remove what carries the project's tag. One that can't be used is an
// error only when a record says that it has something of ours; there is none left then, since its Destroy failed before.
func (e *Engine) purge(ctx context.Context) error {
	var problems []error
	for _, kind := range e.Providers {
		provider, err := e.provider(ctx, kind.Name)
		if errors.Is(err, providers.ErrUnavailable) {
			e.Log.Debug("not purged", "provider", kind.Name, "error", err)
			continue
		}
		if err == nil {
			err = provider.Purge(ctx, e.id)
		}
		if errors.Is(err, providers.ErrUnavailable) {
			continue
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", kind.Name, err))
		}
	}
	return errors.Join(problems...)
}

// settleTime is more than a daemon takes to finish one request of a client that is gone.
const settleTime = time.Second

// cutOff says whether the making of some machine was never seen to end.
func cutOff(records []*state.Machine) bool {
	return slices.ContainsFunc(records, func(m *state.Machine) bool { return !m.Made })
}

// purgeLater purges once more after a while.
func (e *Engine) purgeLater(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settleTime):
		return e.purge(ctx)
	}
}

// Leftovers lists the machines that Destroy would remove, by record or by tag, for the question before it.
func (e *Engine) Leftovers(ctx context.Context, names []string) ([]string, error) {
	records, err := e.owned(ctx, names)
	var found []string
	for _, record := range records {
		found = append(found, record.Name)
	}
	return found, err
}
