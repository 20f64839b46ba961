// Package engine says what `up`, `halt`, `provision`, `destroy` and `status` mean: observe what is there, make a plan
// (a pure function), carry it out. It knows no provider by name, and nothing of how things look.
package engine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/colabo/colabo/boxes"
	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/redact"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// BoxSource is where boxes come from.
type BoxSource interface {
	// Get returns a box that is there; boxes.ErrNotFound.
	Get(name string) (boxes.Box, error)
	// Buildable says whether Build knows the name.
	Buildable(name string) bool
	Build(ctx context.Context, name string, report func(boxes.Progress)) (boxes.Box, error)
}

// Options are what an Engine works with; all are needed except where it says otherwise.
type Options struct {
	Project   *colabofile.Project
	Providers []providers.Kind // in order of preference for provider = "auto"
	Steps     []provisioners.Kind
	Provider  string // the user's own choice (--provider), or ""
	Boxes     BoxSource
	CacheDir  string
	Registry  *state.Registry // of the user's projects
	Events    event.Sink
	Log       *slog.Logger
	Secrets   *redact.Set // takes every secret that is read, and keeps it out of events and logs
	NoWait    bool        // a project that another command works on is an error, and not waited for
	// Agent is the argv that starts the forward agent; the project's state folder is appended.
	Agent []string
}

// Engine works on one project. Close it after use.
type Engine struct {
	Options
	folder *state.Folder
	id     string // the project's

	mu   sync.Mutex
	open map[string]*opened
	log  atomic.Pointer[runLog] // of the run under way

	late lateValues

	knownHosts sync.Mutex // held while the known_hosts file is made anew
}

// opened is a provider that was asked for, or the error it answered with.
type opened struct {
	once     sync.Once
	provider providers.Provider
	err      error
}

// New returns the engine of a project. It reads the state folder and connects to nothing.
func New(options Options) (*Engine, error) {
	folder, err := state.Open(options.Project.Dir)
	if err != nil {
		return nil, err
	}
	id, err := folder.ProjectID()
	if err != nil {
		return nil, err
	}
	return &Engine{Options: options, folder: folder, id: id, open: map[string]*opened{}}, nil
}

// Close closes the connections to the providers that were used.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, o := range e.open {
		if o.provider == nil {
			continue
		}
		if err := o.provider.Close(); err != nil {
			e.Log.Debug("close provider", "provider", name, "error", err)
		}
	}
	e.open = map[string]*opened{}
}

func (e *Engine) machineID(name string) providers.ID {
	return providers.ID{Project: e.id, Machine: name}
}

// config returns a machine of the Colabofile; nil when it is not in there.
func (e *Engine) config(name string) *colabofile.Machine {
	for _, machine := range e.Project.Machines {
		if machine.Name == name {
			return machine
		}
	}
	return nil
}

// lock takes the right to change the project for a command.
func (e *Engine) lock(ctx context.Context, command string) (*state.Lock, error) {
	if e.NoWait {
		return e.folder.TryLock(command)
	}
	return e.folder.Lock(ctx, command, func(h state.Holder) {
		e.emit(event.Event{Type: event.Notice, Text: fmt.Sprintf(
			"waiting for `colabo %s` (pid %d), which works on this project", h.Command, h.PID)})
	})
}
