package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/state"
)

// actionKind is one kind of thing that `up` does to a machine; a machine's actions are carried out in this order.
type actionKind string

const (
	actionRecreate actionKind = "recreate" // the machine that is there is removed; a create follows
	actionCreate   actionKind = "create"
	actionChange   actionKind = "change"  // of a machine that runs on, or does not run
	actionRestart  actionKind = "restart" // off, changed, and on
	actionStart    actionKind = "start"
	actionRemove   actionKind = "remove" // what a step left that is no longer in the Colabofile
	actionForward  actionKind = "forward"
	actionStep     actionKind = "step"
	actionCheck    actionKind = "check"
)

// action is one thing to do, and why.
type action struct {
	kind   actionKind
	name   string // of the step
	reason string

	kindName string // of a step to remove: its type
	changes  []change
}

// machinePlan is what is to be done to one machine, in order.
type machinePlan struct {
	machine  string
	provider string
	needs    []colabofile.Dependency
	actions  []action
	// stepsSkipped: the user wants no steps, or just those that were named; none is added later.
	stepsSkipped bool
	// refused: the machine would have to be made anew, and the user has not agreed to that.
	refused bool
}

// plan is what is to be done, machines in the Colabofile's order.
type plan []machinePlan

// planOptions is what the user asked of the steps.
type planOptions struct {
	Steps StepPolicy
	Only  []string // names or types of steps; empty means all

	Recreate     bool // machines may be made anew, and lose what is on them
	KeepMachines bool // machines that are there stay as they are, whatever the Colabofile says by now
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
	if create == "" && mp.planChanges(want, seen, options) {
		create = "anew"
	}
	switch {
	case create != "":
		mp.add(actionCreate, "", create+", from box "+want.config.Box)
		mp.add(actionStart, "", "")
		record = nil // a machine made anew starts with an empty journal
	case !seen.running():
		mp.add(actionStart, "", string(seen.status.State))
	}
	if mp.refused {
		return mp // nothing is done to it
	}
	if !want.features.PublishesPorts && len(want.ports) > 0 {
		mp.planForwards(want, have, record == nil)
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
	case seen.record.Doomed:
		return "" // to be removed first
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

// planForwards has the ports forwarded unless they are; those of a machine that is made anew are not, whatever listens now.
func (mp *machinePlan) planForwards(want *desiredMachine, have *observed, anew bool) {
	held := heldPorts(want, have)
	if anew {
		held = nil
	}
	var missing []string
	for _, port := range want.ports {
		if _, ok := heldFor(port, held); !ok {
			missing = append(missing, fmt.Sprintf("%s->%d", hostAddress(port.Port), port.Guest))
		}
	}
	if len(missing) > 0 {
		mp.add(actionForward, strings.Join(missing, ", "), "")
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

func (mp *machinePlan) add(kind actionKind, name, reason string) {
	mp.actions = append(mp.actions, action{kind: kind, name: name, reason: reason})
}

// has says whether an action of the kind is planned.
func (mp *machinePlan) has(kind actionKind) bool {
	return slices.ContainsFunc(mp.actions, func(a action) bool { return a.kind == kind })
}

// modifies says whether a machine that is there is changed or made anew.
func (mp *machinePlan) modifies() bool {
	return mp.has(actionChange) || mp.has(actionRestart) || mp.has(actionRecreate)
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

// changes says whether anything but checks is to be done, or is refused.
func (mp *machinePlan) changes() bool {
	return slices.ContainsFunc(mp.actions, func(a action) bool { return a.kind != actionCheck })
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
		if len(machine.actions) == 0 {
			text.WriteString("  nothing to do\n")
		}
	}
	return text.String()
}
