package colabofile

import (
	"fmt"
	"slices"
	"strings"
)

// lateRule says which late references a string may have.
type lateRule int

const (
	noLate      lateRule = iota
	machineLate          // the addresses of machines
	anyLate
)

// lateRuleOf is the rule for a key of [machine.X] or [defaults].
func lateRuleOf(key string) lateRule {
	switch key {
	case "env", "provision", "check":
		return anyLate
	case "message":
		return machineLate
	}
	return noLate
}

// sample is a value of the kind that a reference will have, to hold strings to their rules before that is known.
func (r Ref) sample() string {
	if r.Space == MachineSpace {
		return "192.0.2.1" // of the addresses that RFC 5737 keeps for examples
	}
	return "secret"
}

// late is the text of a late reference: its value where that is known, the reference itself or its sample where not.
func (e *expander) late(n *node, at int, path, space, name string, rule lateRule) string {
	ref := Ref{Space: space, Name: name}
	if space == MachineSpace {
		machine, attribute, _ := strings.Cut(name, ".")
		ref.Name = machine
		known := e.machines()
		switch {
		case attribute != "ip":
			e.decoder.add(at, path, fmt.Sprintf("${machine.%s}: of a machine there is its ip: ${machine.NAME.ip}", name), "")
			return ""
		case !slices.Contains(known, machine):
			e.decoder.add(at, path, fmt.Sprintf("there is no machine %q", machine), nearest(machine, known))
			return ""
		}
	} else if problem, suggestion := e.secretProblem(name); problem != "" {
		e.decoder.add(at, path, problem, suggestion)
		return ""
	}
	switch {
	case rule == noLate:
		e.decoder.add(at, path, ref.String()+" is known only while up runs: use it in env, steps and checks", "")
		return ref.sample()
	case rule == machineLate && space == SecretSpace:
		e.decoder.add(at, path, "a secret is not to be shown", "")
		return ref.sample()
	}
	if !slices.Contains(n.refs, ref) {
		n.refs = append(n.refs, ref)
	}
	if value, ok := e.values[ref]; ok {
		return value
	}
	if e.samples {
		return ref.sample()
	}
	return ref.String()
}

// machines are the names of the document's machines.
func (e *expander) machines() []string {
	if machines := e.root.field("machine"); machines != nil {
		return machines.names
	}
	return nil
}

// secretProblem says what is wrong with a secret's name. One that is not declared comes from the environment, unless it looks like
// a misspelling of one that is.
func (e *expander) secretProblem(name string) (problem, suggestion string) {
	if !identifier(name) {
		return fmt.Sprintf("%q is no secret's name: letters, digits and _, and no digit at its beginning", name), ""
	}
	declared := e.root.field("secrets")
	if declared == nil || declared.field(name) != nil {
		return "", ""
	}
	if near := nearest(name, declared.names); near != "" {
		return fmt.Sprintf("there is no secret %q in [secrets]", name), near
	}
	return "", ""
}

// refsIn are the late references in the strings of some nodes, each once, in the order of the file.
func refsIn(nodes ...*node) []Ref {
	var refs []Ref
	for _, n := range nodes {
		n.eachRef(func(ref Ref, _ *node) {
			if !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		})
	}
	return refs
}

// eachRef calls do for every late reference below a node, which may be nil.
func (n *node) eachRef(do func(Ref, *node)) {
	if n == nil {
		return
	}
	for _, ref := range n.refs {
		do(ref, n)
	}
	for _, name := range n.names {
		n.fields[name].eachRef(do)
	}
	for _, item := range n.items {
		item.eachRef(do)
	}
}
