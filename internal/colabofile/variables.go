package colabofile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// expander replaces ${var.NAME} and ${env.NAME} in the document's strings. $${ stands for ${ itself. What has no dot after
// its first word, as ${HOME}, is a shell's business and stays as it is.
//
// ${secret.NAME} and ${machine.NAME.ip} are late references: their values come while `up` runs.
type expander struct {
	decoder *decoder
	root    *node
	vars    map[string]string
	getenv  func(string) (string, bool)
	values  map[Ref]string // of late references, as far as they are known
	samples bool           // late references without a value become samples
}

// expand replaces the references in every string of the document. Variables come from the environment's
// COLABO_VAR_name and from the command line before they come from the file.
func expand(e *expander, env Env) {
	e.vars = map[string]string{}
	if declared := e.root.field("variables"); declared != nil {
		e.declare(declared)
	}
	for name := range e.vars {
		if value, ok := env.Getenv("COLABO_VAR_" + name); ok {
			e.vars[name] = value
		}
	}
	maps.Copy(e.vars, env.Vars)
	for _, name := range e.root.names {
		child, path := e.root.fields[name], join("", name)
		switch {
		case name == "variables": // had their turn
		case name == "machine" && child.kind == table:
			for _, machine := range child.names {
				e.machine(child.fields[machine], join(path, machine))
			}
		case name == "defaults":
			e.machine(child, path)
		default:
			e.walk(child, path, noLate)
		}
	}
}

// machine expands the strings of [machine.X] or [defaults].
func (e *expander) machine(n *node, path string) {
	if n.kind != table {
		e.walk(n, path, noLate)
		return
	}
	for _, key := range n.names {
		e.walk(n.fields[key], join(path, key), lateRuleOf(key))
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
			values[name] = e.text(child, path, []string{"env"}, noLate)
		case integer, float, boolean:
			values[name] = child.text
		default:
			e.decoder.want(child, path, text.String())
		}
	}
	e.vars = values
}

// walk expands the strings of a node.
func (e *expander) walk(n *node, path string, rule lateRule) {
	switch n.kind {
	case table:
		for _, name := range n.names {
			e.walk(n.fields[name], join(path, name), rule)
		}
	case list:
		for i, item := range n.items {
			e.walk(item, index(path, i), rule)
		}
	case text:
		n.text, n.refs, n.expanded = n.raw, nil, false
		if strings.Contains(n.raw, "${") {
			n.text = e.text(n, path, []string{"var", "env"}, rule)
		}
		if strings.ContainsRune(n.text, 0) {
			e.decoder.add(n.at, path, "a string can't hold a NUL character", "")
		}
	}
}

// text is a string with its references replaced.
func (e *expander) text(n *node, path string, spaces []string, rule lateRule) string {
	var b strings.Builder
	rest := n.raw
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		if i > 0 && rest[i-1] == '$' {
			b.WriteString(rest[:i-1] + "${")
			rest = rest[i+2:]
			continue
		}
		b.WriteString(rest[:i])
		space, name, length := reference(rest[i:])
		if length == 0 {
			b.WriteString("${")
			rest = rest[i+2:]
			continue
		}
		at := n.at + e.verbatim(n, len(n.raw)-len(rest)+i)
		if space == SecretSpace || space == MachineSpace {
			b.WriteString(e.late(n, at, path, space, name, rule))
		} else {
			b.WriteString(e.resolve(at, path, space, name, spaces))
			n.expanded = true
		}
		rest = rest[i+length:]
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

// resolve is the value of one reference, which stands at an offset.
func (e *expander) resolve(at int, path, space, name string, spaces []string) string {
	switch {
	case !slices.Contains(spaces, space) && space == "var":
		e.decoder.add(at, path, "a variable can't use other variables", "")
	case space == "var":
		value, ok := e.vars[name]
		if !ok {
			value, ok = e.getenv("COLABO_VAR_" + name)
		}
		if ok {
			return value
		}
		known := slices.Sorted(maps.Keys(e.vars))
		e.decoder.add(at, path, fmt.Sprintf("there is no variable %q in [variables]", name), nearest(name, known))
	case space == "env":
		if value, ok := e.getenv(name); ok {
			return value
		}
		e.decoder.add(at, path, fmt.Sprintf("the environment has no %s", name), "")
	default:
		text := fmt.Sprintf("${%s.%s} is of none of var, env, secret, machine", space, name)
		e.decoder.add(at, path, text, nearest(space, append([]string{SecretSpace, MachineSpace}, spaces...)))
	}
	return ""
}

// verbatim is how far behind the beginning of a string's value the byte at offset of its text is; 0 where escapes
// keep that from being known.
func (e *expander) verbatim(n *node, offset int) int {
	written := e.decoder.doc.at(n.at)
	for _, quotes := range []int{1, 3, 4, 5} { // "", """, """ and a line break of one or two bytes
		if to := quotes + len(n.raw); to <= len(written) && string(written[quotes:to]) == n.raw {
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
