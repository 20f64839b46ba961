package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// Halt stops the machines (all, when none is named): the guest is asked, and after grace turned off. Idempotent.
func (e *Engine) Halt(ctx context.Context, names []string, grace time.Duration) error {
	lock, err := e.lock(ctx, "halt")
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return e.eachRecord(ctx, names, func(ctx context.Context, f *forwards, record *state.Machine) error {
		return e.stage(ctx, record.Name, "halt", func(ctx context.Context, s *stage) error {
			if err := f.remove(ctx, record.Name); err != nil {
				return err
			}
			provider, err := e.provider(ctx, record.Provider)
			if err != nil {
				return err
			}
			err = provider.Stop(ctx, e.machineID(record.Name), grace)
			if errors.Is(err, providers.ErrNotFound) {
				s.result = "there is no such machine any more"
				return nil
			}
			return err
		})
	})
}

// Reload is Halt and Up: it restarts the machines, and applies what a restart applies.
func (e *Engine) Reload(ctx context.Context, options UpOptions, grace time.Duration) ([]MachineStatus, error) {
	if err := e.Halt(ctx, options.Machines, grace); err != nil {
		return nil, err
	}
	return e.Up(ctx, options)
}

// eachRecord works on the named machines that were made (all, when none is named) at the same time.
// A name that is neither in the Colabofile nor recorded is an error, before anything is done.
func (e *Engine) eachRecord(ctx context.Context, names []string, work func(context.Context, *forwards, *state.Machine) error) error {
	records, err := e.records(names)
	if err != nil {
		return err
	}
	agent, err := forward.Inspect(ctx, e.folder.Path())
	if err != nil {
		return err
	}
	f, err := e.currentForwards(ctx, agent)
	if err != nil {
		return err
	}
	problems := make([]error, len(records))
	var group sync.WaitGroup
	for i, record := range records {
		group.Go(func() {
			if err := work(ctx, f, record); err != nil {
				problems[i] = fmt.Errorf("machine %s: %w", record.Name, err)
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(problems...)
}

// records returns the records of the named machines, of all when none is named; also those that left the Colabofile.
func (e *Engine) records(names []string) ([]*state.Machine, error) {
	if len(names) == 0 {
		return e.folder.Machines()
	}
	var records []*state.Machine
	for _, name := range names {
		record, err := e.folder.Machine(name)
		if err != nil {
			return nil, err
		}
		if record == nil && e.config(name) == nil {
			return nil, e.unknownMachine(name)
		}
		if record != nil {
			records = append(records, record)
		}
	}
	return records, nil
}
