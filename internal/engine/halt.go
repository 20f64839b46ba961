package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// Halt stops the machines (all, when none is named): the guest is asked, and after grace turned off. Idempotent.
func (e *Engine) Halt(ctx context.Context, names []string, grace time.Duration) error {
	records, err := e.owned(ctx, names)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		e.emit(event.Event{Type: event.Notice, Text: "there is no machine to halt"})
		return nil
	}
	lock, err := e.lock(ctx, "halt")
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return e.eachOwned(ctx, names, func(ctx context.Context, f *forwards, record *state.Machine) error {
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

// eachOwned works on the named machines (all, when none is named) at the same time, under the lock.
func (e *Engine) eachOwned(ctx context.Context, names []string, work func(context.Context, *forwards, *state.Machine) error) error {
	records, err := e.owned(ctx, names)
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
	if ctx.Err() == nil {
		return errors.Join(problems...)
	}
	var left []string
	for i, record := range records {
		if problems[i] != nil {
			left = append(left, record.Name)
		}
	}
	return interrupted(ctx, "not done: "+strings.Join(left, ", "), problems)
}
