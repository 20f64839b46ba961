package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/state"
)

// actionKind is one kind of thing that `up` does to a machine; a machine's actions are carried out in this order.
type actionKind string

const (
	actionCreate  actionKind = "create"
	actionStart   actionKind = "start"
	actionRemove  actionKind = "remove" // what a step left that is no longer in the Colabofile
	actionForward actionKind = "forward"
	actionStep    actionKind = "step"
	actionCheck   actionKind = "check"
)

// action is one thing to do, and why.
type action struct {
	kind   actionKind
	name   string // of the step
	reason string

	kindName string // of a step to remove: its type
}

// machinePlan is what is to be done to one machine, in order.
type machinePlan struct {
	machine  string
	provider string
	needs    []colabofile.Dependency
	actions  []action
	// stepsSkipped: the user wants no steps, or just those that were named; none is added later.
	stepsSkipped bool
	// stale are the changes that need a machine made anew, which `up` does not do by itself: "memory 1GiB -> 2GiB".
	stale []string
}

// plan is what is to be done, machines in the Colabofile's order.
type plan []machinePlan

// planOptions is what the user asked of the steps.
type planOptions struct {
	Steps StepPolicy
	Only  []string // names or types of steps; empty means all
}

// StepPolicy says which steps a command runs.
type StepPolicy int

// The step policies.
const (
	StepsAsNeeded StepPolicy = iota // by each step's own `run` and the journal
	StepsForced                     // also those that succeeded already
	StepsSkipped                    // none
)

// makePlan compares what is wanted with what there is. It is pure.
func makePlan(want *desired, have *observed, options planOptions) plan {
	var p plan
	for _, machine := range want.machines {
		p = append(p, planMachine(machine, have, options))
	}
	return p
}

func planMachine(want *desiredMachine, have *observed, options planOptions) machinePlan {
	seen := have.machines[want.name]
	mp := machinePlan{machine: want.name, provider: want.provider, needs: want.config.Needs}
	mp.stepsSkipped = options.Steps == StepsSkipped || len(options.Only) > 0
	record := seen.record
	create := createReason(seen)
	switch {
	case create != "":
		mp.add(actionCreate, "", create)
		mp.add(actionStart, "", "")
		record = nil // a machine made anew starts with an empty journal
	case !seen.running():
		mp.add(actionStart, "", string(seen.status.State))
	}
	if record != nil {
		mp.stale = changedFields(record.Fields, want.fields)
	}
	if !want.features.PublishesPorts && len(want.ports) > 0 {
		mp.planForwards(want, have)
	}
	if record != nil && options.Steps != StepsSkipped {
		mp.planRemovals(want, record)
	}
	for _, step := range want.steps {
		reason := stepReason(step, record, options)
		if reason == "" && record != nil && options.Steps != StepsSkipped && len(options.Only) == 0 {
			reason = seen.drift[step.config.Name]
		}
		if reason != "" {
			mp.add(actionStep, step.config.Name, reason)
		}
	}
	for _, check := range want.config.Checks {
		mp.add(actionCheck, checkName(check), "")
	}
	return mp
}

// createReason says why a machine has to be made; "" when it is there.
func createReason(seen observedMachine) string {
	switch {
	case seen.status == nil && seen.record != nil && seen.record.Made:
		return "it is gone"
	case seen.status == nil:
		return "it is new"
	case seen.record == nil, seen.record.Adopting:
		return "it is taken over, its record was lost"
	case !seen.record.Made:
		return "an earlier attempt was cut off"
	}
	return ""
}

// planRemovals finds the steps that succeeded once and are no longer in the Colabofile, of the types that leave something.
func (mp *machinePlan) planRemovals(want *desiredMachine, record *state.Machine) {
	for _, entry := range record.Journal {
		same := func(step desiredStep) bool {
			return step.config.Name == entry.Step && step.config.Type == entry.Type
		}
		if want.removable[entry.Type] && !slices.ContainsFunc(want.steps, same) {
			mp.actions = append(mp.actions, action{
				kind: actionRemove, name: entry.Step, kindName: entry.Type, reason: "it is no longer in the Colabofile",
			})
		}
	}
}

func (mp *machinePlan) planForwards(want *desiredMachine, have *observed) {
	held := heldPorts(want, have)
	for _, port := range want.ports {
		if _, ok := heldFor(port, held); !ok {
			mp.add(actionForward, "", "")
			return
		}
	}
}

// stepReason says why a step runs; "" when it does not.
func stepReason(step desiredStep, record *state.Machine, options planOptions) string {
	if options.Steps == StepsSkipped {
		return ""
	}
	named := slices.Contains(options.Only, step.config.Name) || slices.Contains(options.Only, step.config.Type)
	switch {
	case len(options.Only) > 0 && !named:
		return ""
	case named:
		return "asked for"
	case step.config.Run == colabofile.RunNever:
		return ""
	case options.Steps == StepsForced:
		return "asked for"
	case step.config.Run == colabofile.RunAlways:
		return "run = always"
	}
	var last state.Entry
	succeeded := false
	if record != nil {
		last, succeeded = record.Succeeded(step.config.Name)
	}
	switch {
	case !succeeded:
		return "it has not succeeded yet"
	case step.config.Run != colabofile.RunChanged:
		return ""
	case last.Hash != step.hash:
		return "its inputs changed"
	}
	return changedRef(last.Refs, step.refs)
}

// changedFields lists the keys whose values differ, sorted: "memory 1GiB -> 2GiB".
func changedFields(made, wanted map[string]string) []string {
	var changed []string
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		if value, known := made[key]; known && value != wanted[key] {
			changed = append(changed, fmt.Sprintf("%s %s -> %s", key, value, wanted[key]))
		}
	}
	return changed
}

func (mp *machinePlan) add(kind actionKind, name, reason string) {
	mp.actions = append(mp.actions, action{kind: kind, name: name, reason: reason})
}

// has says whether an action of the kind is planned.
func (mp *machinePlan) has(kind actionKind) bool {
	return slices.ContainsFunc(mp.actions, func(a action) bool { return a.kind == kind })
}

// steps are the names of the steps to run.
func (mp *machinePlan) steps() []string {
	var names []string
	for _, a := range mp.actions {
		if a.kind == actionStep {
			names = append(names, a.name)
		}
	}
	return names
}

// removed are the steps whose leftovers are to be removed.
func (mp *machinePlan) removed() []action {
	var gone []action
	for _, a := range mp.actions {
		if a.kind == actionRemove {
			gone = append(gone, a)
		}
	}
	return gone
}

// changes says whether anything but checks is to be done, or waits for the machine to be made anew.
func (mp *machinePlan) changes() bool {
	return len(mp.stale) > 0 || slices.ContainsFunc(mp.actions, func(a action) bool { return a.kind != actionCheck })
}

// changes says whether anything but checks is to be done to any machine.
func (p plan) changes() bool {
	return slices.ContainsFunc(p, func(mp machinePlan) bool { return mp.changes() })
}

// String is the plan as text, a line an action.
func (p plan) String() string {
	var text strings.Builder
	for _, machine := range p {
		fmt.Fprintf(&text, "%s on %s\n", machine.machine, machine.provider)
		for _, a := range machine.actions {
			line := strings.TrimRight(fmt.Sprintf("  %-8s %s", a.kind, a.name), " ")
			if a.reason != "" {
				line += ": " + a.reason
			}
			text.WriteString(line + "\n")
		}
		if len(machine.actions)+len(machine.stale) == 0 {
			text.WriteString("  nothing to do\n")
		}
		if len(machine.stale) > 0 {
			fmt.Fprintf(&text, "  stale    %s: only a machine made anew has it\n", strings.Join(machine.stale, ", "))
		}
	}
	return text.String()
}
