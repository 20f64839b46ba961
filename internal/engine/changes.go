package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// change is one key of a machine that is there and differs from what is wanted.
type change struct {
	key      string
	from, to string // "1GiB", "2GiB"; of an edit by somebody else from says all
	class    providers.Change
}

// String is the change for people: "memory 1GiB -> 2GiB", of a list or a table what comes and goes: "ports +127.0.0.1:81->81/tcp".
func (c change) String() string {
	if c.to == "" {
		return c.key + " " + c.from
	}
	before, after := parts(c.from), parts(c.to)
	if before == nil && after == nil {
		return fmt.Sprintf("%s %s -> %s", c.key, c.from, c.to)
	}
	text := c.key
	for _, part := range after {
		if !slices.Contains(before, part) {
			text += " +" + part
		}
	}
	for _, part := range before {
		if !slices.Contains(after, part) {
			text += " -" + part
		}
	}
	return text
}

// parts are the elements of a list, or the names and values of a table; nil where a value is neither.
func parts(value string) []string {
	if list, ok := strings.CutPrefix(value, "["); ok {
		return strings.Split(strings.TrimSuffix(list, "]"), ", ")
	}
	var table map[string]any
	if json.Unmarshal([]byte(value), &table) != nil {
		return nil
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		pairs = append(pairs, fmt.Sprintf("%s=%v", name, table[name]))
	}
	return pairs
}

// changesOf compares what a machine was made with, and what somebody else made of it, with what is wanted. Keys are sorted; one
// that an older record does not have, and one that means nothing on the provider, is no change.
func changesOf(want *desiredMachine, made map[string]string, edited map[string]string) []change {
	var changes []change
	for _, key := range slices.Sorted(maps.Keys(want.fields)) {
		value, known := made[key]
		if !known || value == want.fields[key] {
			continue
		}
		c := change{key: key, from: value, to: want.fields[key], class: want.classOf(key)}
		if key == "disk" && shrinks(c.from, c.to) {
			c.class = providers.Recreate
		}
		changes = append(changes, c)
	}
	for _, key := range slices.Sorted(maps.Keys(edited)) {
		same := func(c change) bool { return c.key == key }
		if !slices.ContainsFunc(changes, same) {
			changes = append(changes, change{key: key, from: edited[key], class: want.classOf(key)})
		}
	}
	return slices.DeleteFunc(changes, func(c change) bool { return c.class == providers.Ignored })
}

// classOf is what a change of the key takes; a key that the provider has no class for takes a new machine, which loses nothing
// that was not agreed to.
func (m *desiredMachine) classOf(key string) providers.Change {
	if class, ok := m.classes[key]; ok {
		return class
	}
	return providers.Recreate
}

// shrinks says whether a disk would become smaller: no file system survives that.
func shrinks(from, to string) bool {
	var before, after colabofile.Size
	if before.UnmarshalTOML(from) != nil {
		return false // it was as large as its box; the provider knows how large that is
	}
	return after.UnmarshalTOML(to) != nil || after < before
}

// dearest is the class of a set of changes.
func dearest(changes []change) providers.Change {
	class := providers.Ignored
	for _, c := range changes {
		if c.class.Cost() > class.Cost() {
			class = c.class
		}
	}
	return class
}

// joinChanges is a list of changes for people.
func joinChanges(changes []change) string {
	var texts []string
	for _, c := range changes {
		texts = append(texts, c.String())
	}
	return strings.Join(texts, ", ")
}

// planChanges plans what it takes to bring a machine that is there to what is wanted. It says whether the machine is made anew.
func (mp *machinePlan) planChanges(want *desiredMachine, seen observedMachine, options planOptions) (recreated bool) {
	if seen.record.Doomed {
		mp.add(actionRecreate, "", "an earlier attempt was cut off")
		return true
	}
	if options.KeepMachines {
		return false
	}
	changes := changesOf(want, seen.record.Fields, seen.edited)
	a := action{changes: changes, name: joinChanges(changes)}
	switch dearest(changes) {
	case providers.Recreate:
		a.kind, a.reason = actionRecreate, "what is on its disk is lost"
		if !options.Recreate {
			a.reason = "needs --recreate: what is on its disk is lost"
			mp.refused = true
		}
		recreated = options.Recreate
	case providers.Restart:
		a.kind = actionRestart
		if !seen.running() {
			a.kind = actionChange
		}
	case providers.Live:
		a.kind = actionChange
	case providers.Ignored:
		return false
	}
	mp.actions = append(mp.actions, a)
	return recreated
}

// RefusedError is a change that would lose a machine's data, and that nobody has agreed to.
type RefusedError struct {
	Machine string
	Changes string // "box debian-12 -> debian-13"
}

// Error names the machine and its changes.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("machine %s: %s: only a machine made anew has that", e.Machine, e.Changes)
}

// refuse is an error for each machine that would have to be made anew without the user's word.
func (p plan) refuse() error {
	var problems []error
	for _, mp := range p {
		for _, a := range mp.actions {
			if a.kind == actionRecreate && mp.refused {
				problems = append(problems, hint.New(&RefusedError{Machine: mp.machine, Changes: a.name},
					"`colabo up --recreate "+mp.machine+"` makes it anew, and what is on its disk is lost; or undo the change"))
			}
		}
	}
	return errors.Join(problems...)
}
