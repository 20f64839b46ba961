package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/colabo/colabo/internal/diagnosis"
	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

const (
	// bootWatchEvery is how often a booting machine and its console are looked at.
	bootWatchEvery = 2 * time.Second
	// consoleTail is how much of the console is read for a diagnosis, in bytes.
	consoleTail = 64 << 10
)

// bootWatch looks at a machine while it boots, from outside.
type bootWatch struct {
	engine   *Engine
	provider providers.Provider
	machine  string
	begin    time.Time

	mu      sync.Mutex
	last    string    // what the last attempt to log in said
	console []byte    // the end of it
	grew    time.Time // when it was seen to change last
}

// BootError is a guest that does not come up.
type BootError struct {
	Cause diagnosis.Cause
	Err   error // what was waited for, and how that ended
}

// Error is the cause with the guest's own words.
func (e *BootError) Error() string {
	text := fmt.Sprintf("%s (%s)", e.Cause.Text, e.Err)
	for _, line := range e.Cause.Excerpt {
		text += "\n    " + line
	}
	return text
}

// Unwrap returns what was waited for.
func (e *BootError) Unwrap() error { return e.Err }

// watchBoot waits for a guest with somebody looking at the machine from outside: what can't come up any more ends the wait at once.
func (e *Engine) watchBoot(
	ctx context.Context, provider providers.Provider, machine string, wait func(context.Context, *bootWatch) (guest.Guest, error),
) (guest.Guest, error) {
	waiting, stop := context.WithTimeoutCause(ctx, bootTimeout, fmt.Errorf("no answer within %s", bootTimeout))
	defer stop()
	waiting, fail := context.WithCancelCause(waiting)
	defer fail(nil)
	watch := &bootWatch{engine: e, provider: provider, machine: machine, begin: time.Now(), grew: time.Now()}
	go watch.run(waiting, fail)
	g, err := wait(waiting, watch)
	if err == nil {
		return g, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if cause := context.Cause(waiting); cause != nil {
		if boot, known := errors.AsType[*BootError](cause); known {
			return nil, hint.New(cause, boot.Cause.Hint)
		}
		err = fmt.Errorf("%w; last: %w", cause, err)
	}
	watch.look(ctx)
	evidence := watch.evidence()
	cause := diagnosis.Diagnose(evidence)
	return nil, hint.New(&BootError{Cause: cause, Err: err}, cause.Hint)
}

// heard notes what an attempt to log in said.
func (w *bootWatch) heard(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = err.Error()
}

// run ends the wait when the machine does not run any more, or when its console says that it never will.
func (w *bootWatch) run(ctx context.Context, fail context.CancelCauseFunc) {
	tick := time.NewTicker(bootWatchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		status, err := w.provider.Inspect(ctx, w.engine.machineID(w.machine))
		switch {
		case errors.Is(err, providers.ErrNotFound):
			fail(errors.New("the machine was removed while it booted"))
			return
		case err == nil && status.State != providers.Running:
			fail(w.stopped(ctx, status))
			return
		}
		w.look(ctx)
		if cause, fatal := diagnosis.Fatal(w.evidence()); fatal {
			waited := time.Since(w.begin).Round(time.Second)
			fail(&BootError{Cause: cause, Err: fmt.Errorf("seen %s after its start", waited)})
			return
		}
	}
}

// stopped is the error of a machine that does not run any more: what its console says, where that tells more than its state.
func (w *bootWatch) stopped(ctx context.Context, status providers.Status) error {
	err := errors.New(strings.TrimSpace(fmt.Sprintf("the machine is %s instead of booting %s", status.State, status.Detail)))
	w.look(ctx)
	cause := diagnosis.Diagnose(w.evidence())
	if cause.Kind == diagnosis.Slow || cause.Kind == diagnosis.Unknown || len(cause.Excerpt) == 0 {
		return err
	}
	return &BootError{Cause: cause, Err: err}
}

// look reads the console.
func (w *bootWatch) look(ctx context.Context) {
	reader, ok := providers.As[providers.ConsoleReader](w.provider)
	if !ok {
		return
	}
	text, err := reader.Console(ctx, w.engine.machineID(w.machine), consoleTail)
	if err != nil {
		w.engine.Log.Debug("console not read", "machine", w.machine, "error", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if string(text) != string(w.console) {
		w.grew = time.Now()
	}
	w.console = append([]byte{}, text...) // not nil: it was read
}

func (w *bootWatch) evidence() diagnosis.Evidence {
	w.mu.Lock()
	defer w.mu.Unlock()
	return diagnosis.Evidence{
		Console: w.console, Native: !emulated(w.provider), SSH: w.last,
		Waited: time.Since(w.begin), Silent: time.Since(w.grew),
	}
}
