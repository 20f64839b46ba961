package colabofile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// noNUL is what is wrong with a string that no process could be given.
const noNUL = "a string can't hold a NUL character"

// expander replaces ${var.NAME} and ${env.NAME} in the document's strings, and finds ${secret.NAME} and ${machine.NAME.ip}, whose
// values come later. $${ stands for ${ itself. What has no dot after its first word, as ${HOME}, is a shell's business and stays as it is.
type expander struct {
	decoder  *decoder
	vars     map[string]string
	getenv   func(string) (string, bool)
	machines []string // that there are
	secrets  []string // under [secrets]
}

// expand replaces the references in every string of the document. Variables come from the environment's
// COLABO_VAR_name and from the command line before they come from the file.
func expand(d *decoder, root *node, env Env) {
	e := &expander{decoder: d, vars: map[string]string{}, getenv: env.Getenv}
	if n := root.field("machine"); n != nil {
		e.machines = n.names
	}
	if n := root.field("secrets"); n != nil {
		e.secrets = n.names
	}
	if declared := root.field("variables"); declared != nil {
		e.declare(declared)
	}
	for name := range e.vars {
		if value, ok := env.Getenv("COLABO_VAR_" + name); ok {
			e.vars[name] = value
		}
	}
	maps.Copy(e.vars, env.Vars)
	for _, name := range root.names {
		if name != "variables" {
			e.walk(root.fields[name], join("", name), []string{name})
		}
	}
}

// declare reads [variables]. Their values may use the environment, and not each other.
func (e *expander) declare(n *node) {
	if n.kind != table {
		e.decoder.want(n, "variables", table.String())
		return
	}
	values := map[string]string{}
	for _, name := range n.names {
		child, path := n.fields[name], join("variables", name)
		if !identifier(name) {
			e.decoder.add(child.key, path, "a variable's name is letters, digits and _, and begins with no digit", "")
			continue
		}
		switch child.kind {
		case text:
			e.expand(child, path, []string{"variables"})
			values[name] = child.text
		case integer, float, boolean:
			values[name] = child.text
		default:
			e.decoder.want(child, path, text.String())
		}
	}
	e.vars = values
}

// walk expands the strings of a node; trail are the keys that lead to it.
func (e *expander) walk(n *node, path string, trail []string) {
	switch n.kind {
	case table:
		for _, name := range n.names {
			e.walk(n.fields[name], join(path, name), append(trail, name))
		}
	case list:
		for i, item := range n.items {
			e.walk(item, index(path, i), trail)
		}
	case text:
		if strings.Contains(n.text, "${") {
			e.expand(n, path, trail)
		}
		if strings.ContainsRune(n.text, 0) {
			e.decoder.add(n.at, path, noNUL, "")
		}
	}
}

// expand replaces the references of a string, or notes them where their values come later.
func (e *expander) expand(n *node, path string, trail []string) {
	var parts []part
	var b strings.Builder
	take := func(text string) { b.WriteString(text) }
	rest := n.text
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			take(rest)
			break
		}
		if i > 0 && rest[i-1] == '$' {
			take(rest[:i-1] + "${")
			rest = rest[i+2:]
			continue
		}
		take(rest[:i])
		space, name, length := reference(rest[i:])
		if length == 0 {
			take("${")
			rest = rest[i+2:]
			continue
		}
		at := n.at + e.verbatim(n, len(n.text)-len(rest)+i)
		n.expanded = true
		if space == SecretSpace || space == MachineSpace {
			if ref, ok := e.late(at, path, space, name, trail); ok {
				parts = append(parts, part{text: b.String()}, part{ref: ref})
				n.refs = append(n.refs, ref)
				b.Reset()
			}
		} else {
			take(e.resolve(at, path, space, name, trail))
		}
		rest = rest[i+length:]
	}
	if n.text = b.String(); parts != nil {
		n.parts = append(parts, part{text: n.text})
		n.text = written(n.parts)
	}
}

// reference takes a leading ${space.name} apart; length is 0 where there is none.
func reference(text string) (space, name string, length int) {
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return "", "", 0
	}
	space, name, found := strings.Cut(strings.TrimSpace(text[len("${"):end]), ".")
	if !found || !identifier(space) || strings.ContainsAny(name, "\n\"'$ \t") {
		return "", "", 0
	}
	return space, name, end + 1
}

// resolve is the value of one reference; at is where it stands.
func (e *expander) resolve(at int, path, space, name string, trail []string) string {
	switch space {
	case "var":
		if trail[0] == "variables" {
			e.decoder.add(at, path, "a variable can't use other variables", "")
			return ""
		}
		value, ok := e.vars[name]
		if !ok {
			value, ok = e.getenv("COLABO_VAR_" + name)
		}
		if ok {
			return value
		}
		known := slices.Sorted(maps.Keys(e.vars))
		e.decoder.add(at, path, fmt.Sprintf("there is no variable %q in [variables]", name), nearest(name, known))
	case "env":
		if value, ok := e.getenv(name); ok {
			return value
		}
		e.decoder.add(at, path, fmt.Sprintf("the environment has no %s", name), "")
	default:
		text := fmt.Sprintf("${%s.%s} is none of var, env, secret and machine", space, name)
		e.decoder.add(at, path, text, nearest(space, []string{"var", "env", SecretSpace, MachineSpace}))
	}
	return ""
}

// late is a reference whose value comes later, if it is a good one in a good place.
func (e *expander) late(at int, path, space, name string, trail []string) (Ref, bool) {
	where := placeOf(trail)
	if space == SecretSpace {
		return e.lateSecret(at, path, name, where)
	}
	machine, attribute, _ := strings.Cut(name, ".")
	ref := Ref{Space: MachineSpace, Name: machine}
	text, suggestion := "", ""
	switch {
	case where == inVariable:
		text = "a variable can't hold a machine's address; write " + ref.String() + " where it is needed"
	case where == elsewhere:
		text = "a machine's address is known only while up runs, and can't be used here"
	case attribute != "ip":
		text = "of a machine there is its address, " + ref.String()
	case !slices.Contains(e.machines, machine):
		text, suggestion = fmt.Sprintf("there is no machine %q", machine), nearest(machine, e.machines)
	default:
		return ref, true
	}
	e.decoder.add(at, path, text, suggestion)
	return Ref{}, false
}

// lateSecret is a reference to a secret. One that is not under [secrets] comes from the environment, unless it looks like one that is.
func (e *expander) lateSecret(at int, path, name string, where place) (Ref, bool) {
	ref := Ref{Space: SecretSpace, Name: name}
	text, suggestion := "", ""
	switch {
	case where == inVariable:
		text = "a variable can't hold a secret; write " + ref.String() + " where it is needed"
	case where == inMessage:
		text = "a message is printed, a secret can't be in it"
	case where == elsewhere:
		text = "a secret can't be used here: only in env, in the keys of a step's type, and in http, tcp and command of a check"
	case !identifier(name):
		text = fmt.Sprintf("%q is no secret's name: letters, digits and _, and no digit at its beginning", name)
	case !slices.Contains(e.secrets, name):
		near := nearest(name, e.secrets)
		_, inEnvironment := e.getenv("COLABO_SECRET_" + name)
		if near == "" || inEnvironment || editDistance(name, near, 3) > 2 {
			return ref, true
		}
		text, suggestion = fmt.Sprintf("there is no %q under [secrets]", name), near
	default:
		return ref, true
	}
	e.decoder.add(at, path, text, suggestion)
	return Ref{}, false
}

// place is what a string is, as far as references care.
type place int

const (
	elsewhere place = iota
	inVariable
	inMessage
	inMachineEnv // or in a step or a check
)

// placeOf is the place that the keys lead to.
func placeOf(trail []string) place {
	switch {
	case trail[0] == "variables":
		return inVariable
	case len(trail) == 3 && trail[0] == "defaults" && trail[1] == "env":
		return inMachineEnv
	case len(trail) < 3 || trail[0] != "machine":
		return elsewhere
	case trail[2] == "message":
		return inMessage
	case len(trail) == 4 && (trail[2] == "env" || trail[2] == "check" && slices.Contains(checkKinds(), trail[3])):
		return inMachineEnv
	case len(trail) >= 4 && trail[2] == "provision" && !slices.Contains([]string{"type", "name", "run", "sensitive"}, trail[3]):
		return inMachineEnv
	}
	return elsewhere
}

// verbatim is how far behind the beginning of a string's value the byte at offset of its text is; 0 where escapes
// keep that from being known.
func (e *expander) verbatim(n *node, offset int) int {
	for _, quotes := range []int{1, 3, 4, 5} { // "", """, """ and a line break of one or two bytes
		if e.decoder.doc.has(n.at+quotes, n.text) {
			return quotes + offset
		}
	}
	return 0
}

// identifier says whether the name is letters, digits and _, and begins with no digit.
func identifier(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
