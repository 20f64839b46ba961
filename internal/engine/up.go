package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/colabo/colabo/internal/event"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// UpOptions say what `up` works on.
type UpOptions struct {
	Machines []string // empty means all
	Steps    StepPolicy
	Only     []string // names or types of steps
	// Recreate lets machines be made anew that the Colabofile can't be applied to otherwise; what is on them is lost.
	Recreate bool
	// KeepMachines leaves machines that are there as they are, whatever the Colabofile says by now.
	KeepMachines bool
}

// Up brings the machines to what the Colabofile says: it makes what is missing, starts what is stopped, runs the steps
// that are due, and waits for the checks. It returns how the machines are then. Idempotent.
// A step that failed is a *ProvisionError, a check a *CheckError; one machine's failure does not stop machines that do
// not need it, and the errors of all are joined.
func (e *Engine) Up(ctx context.Context, options UpOptions) ([]MachineStatus, error) {
	if err := e.knowMachines(options.Machines); err != nil {
		return nil, err
	}
	names := e.withDependencies(options.Machines)
	if err := e.readSecrets(ctx, e.refs(names)); err != nil {
		return nil, err
	}
	if !e.folder.Exists() {
		// What is wrong before the first machine is made leaves no state folder either.
		if err := e.examineFresh(ctx, names, options); err != nil {
			return nil, err
		}
	}
	lock, err := e.lock(ctx, "up")
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	endLog, err := e.openLog("up")
	if err != nil {
		return nil, err
	}
	err = e.reconcile(ctx, names, options)
	endLog(err)
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	if errors.Is(err, providers.ErrUnavailable) {
		return nil, err // Status would say the same again
	}
	statuses, statusErr := e.Status(ctx, names)
	return statuses, errors.Join(err, statusErr)
}

// reconcile does what is to be done, under the lock.
func (e *Engine) reconcile(ctx context.Context, names []string, options UpOptions) error {
	found, err := e.examine(ctx, names, options)
	if err != nil {
		return err
	}
	e.Log.Debug("plan", "text", found.todo.String())
	if err := found.todo.refuse(); err != nil {
		return err
	}
	run, err := e.prepare(ctx, found)
	if err != nil {
		return err
	}
	if err := e.tellStrays(); err != nil {
		return err
	}
	if err := run.execute(ctx); err != nil {
		return err
	}
	if !found.todo.changes() {
		e.emit(event.Event{Type: event.Notice, Text: "all is as the Colabofile says; nothing to do"})
	}
	return nil
}

// tellStrays names the machines that are no longer in the Colabofile, and go on.
func (e *Engine) tellStrays() error {
	strays, err := e.strays()
	for _, stray := range strays {
		e.emit(event.Event{Type: event.Notice, Machine: stray.Name, Text: fmt.Sprintf(
			"is no longer in the Colabofile; `colabo destroy %s` removes it", stray.Name)})
	}
	return err
}

// upRun is one `up` under way.
type upRun struct {
	engine   *Engine
	forwards *forwards
	machines map[string]*machineRun
	order    []string
}

// prepare does what comes before the first resource is made: boxes are there, and the project's identity is on disk.
func (e *Engine) prepare(ctx context.Context, found *findings) (*upRun, error) {
	current, err := e.currentForwards(ctx, found.have.forwards)
	if err != nil {
		return nil, err
	}
	run := &upRun{engine: e, forwards: current, machines: map[string]*machineRun{}}
	images := map[string]providers.Image{}
	for i, machine := range found.want.machines {
		mr := &machineRun{
			engine: e, forwards: run.forwards,
			want: machine, have: found.have.machines[machine.name], plan: found.todo[i],
			ports: found.ports[machine.name], milestones: newMilestones(),
		}
		if mr.provider, err = e.provider(ctx, machine.provider); err != nil {
			return nil, err
		}
		run.machines[machine.name] = mr
		run.order = append(run.order, machine.name)
		if !mr.plan.has(actionCreate) {
			continue
		}
		box := machine.config.Box
		if _, known := images[box]; !known {
			if images[box], err = e.image(ctx, box); err != nil {
				return nil, err
			}
		}
		mr.image = images[box]
	}
	return run, e.saveIdentity()
}

// saveIdentity writes the project's id and login key down before anything carries them.
func (e *Engine) saveIdentity() error {
	if err := e.folder.SaveProjectID(e.id); err != nil {
		return err
	}
	if _, err := e.folder.LoginKey(e.Project.Name); err != nil {
		return err
	}
	return e.Registry.Add(state.Registered{ID: e.id, Name: e.Project.Name, Dir: e.Project.Dir})
}

// execute carries the plan out, machines at the same time as far as their needs allow.
func (r *upRun) execute(ctx context.Context) error {
	for _, name := range r.order {
		for _, need := range r.needs(name) {
			need.machine.awaited = true
		}
	}
	var group sync.WaitGroup
	for _, name := range r.order {
		group.Go(func() { r.machines[name].runAfter(ctx, r.needs(name)) })
	}
	group.Wait()
	var problems []error
	for _, name := range r.order {
		if err := r.machines[name].err; err != nil {
			problems = append(problems, fmt.Errorf("machine %s: %w", name, err))
		}
	}
	if ctx.Err() != nil {
		return interrupted(ctx, r.leftovers(), problems)
	}
	return errors.Join(problems...)
}

// needs are the machines that a machine waits for, each with how far it has to be.
func (r *upRun) needs(name string) []need {
	var needs []need
	for _, on := range r.machines[name].plan.needs {
		needs = append(needs, need{r.machines[on.Machine], on.Condition})
	}
	return needs
}

// leftovers says what a run that was interrupted leaves, machine by machine.
func (r *upRun) leftovers() string {
	var left []string
	for _, name := range r.order {
		left = append(left, name+" "+r.machines[name].reached)
	}
	return strings.Join(left, ", ")
}

// withDependencies adds the machines that the named ones need; no names stay no names (all).
func (e *Engine) withDependencies(only []string) []string {
	needed := map[string]bool{}
	var need func(name string)
	need = func(name string) {
		config := e.config(name)
		if needed[name] || config == nil {
			return
		}
		needed[name] = true
		for _, other := range config.Needs {
			need(other.Machine)
		}
	}
	for _, name := range e.names(only) {
		need(name)
	}
	return slices.DeleteFunc(e.names(nil), func(name string) bool { return !needed[name] })
}

// ProvisionError is a step that failed; its machine is up.
type ProvisionError struct {
	Machine, Step string
	Err           error
}

// Error names the step and says what its tool said.
func (e *ProvisionError) Error() string { return fmt.Sprintf("step %s: %v", e.Step, e.Err) }

// Unwrap returns the step's own error.
func (e *ProvisionError) Unwrap() error { return e.Err }

// CheckError is a check that did not pass in its time.
type CheckError struct {
	Machine, Check string
	Err            error // the last answer
}

// Error names the check and its last answer.
func (e *CheckError) Error() string { return fmt.Sprintf("check %s: %v", e.Check, e.Err) }

// Unwrap returns the last answer.
func (e *CheckError) Unwrap() error { return e.Err }

func (r *machineRun) notice(format string, args ...any) {
	r.engine.emit(event.Event{Type: event.Notice, Machine: r.want.name, Text: fmt.Sprintf(format, args...)})
}

func (r *machineRun) warn(format string, args ...any) {
	r.engine.emit(event.Event{Type: event.Warning, Machine: r.want.name, Text: fmt.Sprintf(format, args...)})
}
