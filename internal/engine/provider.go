package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// provider returns the opened provider of that name; the connection is shared.
func (e *Engine) provider(ctx context.Context, name string) (providers.Provider, error) {
	kind := e.kind(name)
	if kind.Open == nil {
		return nil, fmt.Errorf("provider %q: this colabo does not know it", name)
	}
	e.mu.Lock()
	o := e.open[name]
	if o == nil {
		o = &opened{}
		e.open[name] = o
	}
	e.mu.Unlock()
	o.once.Do(func() {
		o.provider, o.err = kind.Open(ctx, providers.Config{
			Settings: e.Project.Settings[name],
			CacheDir: e.CacheDir,
			Log:      e.Log.With("provider", name),
		})
		if o.err != nil {
			o.provider = nil // an implementation may return a nil pointer of its own type
		}
	})
	return o.provider, o.err
}

// kind is the implementation of that name; its Open is nil where there is none.
func (e *Engine) kind(name string) providers.Kind {
	for _, kind := range e.Providers {
		if kind.Name == name {
			return kind
		}
	}
	return providers.Kind{}
}

// choice is a machine's provider, and why it is that one.
type choice struct {
	name string
	why  string // "" when the user named it
}

// choose says which provider runs a machine: the one that made it, else what the user, the machine or the project asks
// for, else ("auto") the first that runs guests at the processor's own speed, else the first that is usable at all.
// made is the provider that made it, "" where none did.
func (e *Engine) choose(ctx context.Context, machine, made string) (choice, error) {
	config := e.config(machine)
	asked := e.Provider
	if asked == "" && config != nil {
		asked = config.Provider
	}
	if asked == "" {
		asked = e.Project.Provider
	}
	if made != "" {
		if e.Provider != "" && e.Provider != "auto" && e.Provider != made {
			return choice{}, hint.New(
				fmt.Errorf("it was made by %s, and stays there", made),
				fmt.Sprintf("run `colabo destroy %s` first to have it made by %s", machine, e.Provider))
		}
		return choice{name: made}, nil
	}
	if asked != "" && asked != "auto" {
		return choice{name: asked}, nil
	}
	return e.chooseAutomatically(ctx)
}

// stepKind returns the type of steps of that name, if what it leaves running can be removed.
func (e *Engine) stepKind(name string) (provisioners.Kind, bool) {
	for _, kind := range e.Steps {
		if kind.Type == name && kind.Remove != nil {
			return kind, true
		}
	}
	return provisioners.Kind{}, false
}

func (e *Engine) chooseAutomatically(ctx context.Context) (choice, error) {
	var slow *choice
	var problems []error
	for _, kind := range e.Providers {
		provider, err := e.provider(ctx, kind.Name)
		if err == nil {
			_, err = provider.Check(ctx)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", kind.Name, err))
			continue
		}
		accelerator, ok := providers.As[providers.Accelerator](provider)
		if !ok {
			return choice{name: kind.Name, why: because(slow)}, nil
		}
		native, reason := accelerator.Acceleration()
		if native {
			return choice{name: kind.Name, why: reason}, nil
		}
		if slow == nil {
			slow = &choice{name: kind.Name, why: reason}
		}
	}
	if slow != nil {
		return *slow, nil
	}
	return choice{}, hint.New(errors.Join(problems...), "start one of them, or name another with --provider")
}

func because(slow *choice) string {
	if slow == nil {
		return "it is the first that is usable here"
	}
	return fmt.Sprintf("%s would emulate the processor: %s", slow.name, slow.why)
}
