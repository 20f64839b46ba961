package colabofile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// expander replaces ${var.NAME} and ${env.NAME} in the document's strings. $${ stands for ${ itself. What has no dot after
// its first word, as ${HOME}, is a shell's business and stays as it is.
type expander struct {
	decoder *decoder
	vars    map[string]string
	getenv  func(string) (string, bool)
}

// expand replaces the references in every string of the document. Variables come from the environment's
// COLABO_VAR_name and from the command line before they come from the file.
func expand(d *decoder, root *node, env Env) {
	e := &expander{decoder: d, vars: map[string]string{}, getenv: env.Getenv}
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
			e.walk(root.fields[name], join("", name))
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
			values[name] = e.text(child, path, []string{"env"})
		case integer, float, boolean:
			values[name] = child.text
		default:
			e.decoder.want(child, path, text.String())
		}
	}
	e.vars = values
}

// walk expands the strings of a node.
func (e *expander) walk(n *node, path string) {
	switch n.kind {
	case table:
		for _, name := range n.names {
			e.walk(n.fields[name], join(path, name))
		}
	case list:
		for i, item := range n.items {
			e.walk(item, index(path, i))
		}
	case text:
		if strings.Contains(n.text, "${") {
			n.text = e.text(n, path, []string{"var", "env"})
		}
		if strings.ContainsRune(n.text, 0) {
			e.decoder.add(n.at, path, "a string can't hold a NUL character", "")
		}
	}
}

// text is a string with its references replaced.
func (e *expander) text(n *node, path string, spaces []string) string {
	var b strings.Builder
	rest := n.text
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
		b.WriteString(e.resolve(n, len(n.text)-len(rest)+i, path, space, name, spaces))
		n.expanded = true
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

// resolve is the value of one reference; offset is where in the node's text it stands.
func (e *expander) resolve(n *node, offset int, path, space, name string, spaces []string) string {
	at := n.at + e.verbatim(n, offset)
	switch {
	case space == "machine" || space == "secret":
		e.decoder.add(at, path, fmt.Sprintf("${%s.%s} is not supported yet by this version", space, name), "")
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
		text := fmt.Sprintf("${%s.%s} is neither of var nor of env", space, name)
		e.decoder.add(at, path, text, nearest(space, spaces))
	}
	return ""
}

// verbatim is how far behind the beginning of a string's value the byte at offset of its text is; 0 where escapes
// keep that from being known.
func (e *expander) verbatim(n *node, offset int) int {
	for _, quotes := range []int{1, 3, 4, 5} { // "", """, """ and a line break of one or two bytes
		from, to := n.at+quotes, n.at+quotes+len(n.text)
		if to <= len(e.decoder.doc.data) && string(e.decoder.doc.data[from:to]) == n.text {
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
