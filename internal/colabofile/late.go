package colabofile

import (
	"errors"
	"slices"
	"strings"
)

// part is a piece of a string: a text, or a reference without its value.
type part struct {
	text string
	ref  Ref // zero for a text
}

// written is the string that the parts make, references as they are written.
func written(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.ref == (Ref{}) {
			b.WriteString(p.text)
		} else {
			b.WriteString(p.ref.String())
		}
	}
	return b.String()
}

// openRefs are the references of a node's own text that have no value yet.
func (n *node) openRefs() []Ref {
	var refs []Ref
	for _, p := range n.parts {
		if p.ref != (Ref{}) {
			refs = append(refs, p.ref)
		}
	}
	return refs
}

// allRefs are the references in a node, each once, in the file's order.
func (n *node) allRefs() []Ref {
	var refs []Ref
	n.each("", func(n *node, _ string) {
		for _, ref := range n.refs {
			if !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	})
	return refs
}

// with is the node with values in the place of references; one that has none of them is returned itself.
func (n *node) with(value func(Ref) (string, bool)) *node {
	if n == nil {
		return nil
	}
	changed := *n
	same := true
	if n.parts != nil {
		changed.parts, same = replace(n.parts, value)
		if changed.text = written(changed.parts); len(changed.openRefs()) == 0 {
			changed.parts = nil
		}
	}
	if n.fields != nil {
		changed.fields = make(map[string]*node, len(n.fields))
	}
	for name, child := range n.fields {
		changed.fields[name] = child.with(value)
		same = same && changed.fields[name] == child
	}
	if n.items != nil {
		changed.items = make([]*node, len(n.items))
	}
	for i, item := range n.items {
		changed.items[i] = item.with(value)
		same = same && changed.items[i] == item
	}
	if same {
		return n
	}
	return &changed
}

// replace puts values in the place of references; same says that there was none to put in.
func replace(parts []part, value func(Ref) (string, bool)) (replaced []part, same bool) {
	same = true
	for _, p := range parts {
		if p.ref != (Ref{}) {
			if v, ok := value(p.ref); ok {
				p, same = part{text: v}, false
			}
		}
		replaced = append(replaced, p)
	}
	return replaced, same
}

// sample is a value that a reference could have, so that what uses it can be looked at before it has one.
func sample(ref Ref) (string, bool) {
	if ref.Space == MachineSpace {
		return "192.0.2.1", true
	}
	return "samplesecret", true
}

// unsampled is a text about a sampled string in the words of the file.
func unsampled(text string, refs []Ref) string {
	for _, ref := range refs {
		value, _ := sample(ref)
		text = strings.ReplaceAll(text, value, ref.String())
	}
	return text
}

// eachString calls do for all that a machine's references may be in, what it has from [defaults] included.
func (d *draft) eachString(defaults *node, do func(n *node, path string)) {
	own, common := d.node.field("env"), defaults.field("env")
	if common != nil && common.kind == table {
		for _, name := range common.names {
			if own.field(name) == nil {
				common.fields[name].each(join("defaults.env", name), do)
			}
		}
	}
	for _, key := range []string{"env", "message", "provision", "check"} {
		d.node.field(key).each(join(d.path, key), do)
	}
}

// ownRefs are the references of a machine's env and message, each once.
func (d *draft) ownRefs(defaults *node) []Ref {
	var refs []Ref
	steps, checks := join(d.path, "provision")+"[", join(d.path, "check")+"["
	d.eachString(defaults, func(n *node, path string) {
		if strings.HasPrefix(path, steps) || strings.HasPrefix(path, checks) {
			return
		}
		for _, ref := range n.refs {
			if !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	})
	return refs
}

// origins are what a project was made of, to make it again with the values of references.
type origins struct {
	docs sources
	root *node // with its variables expanded
	env  Env
}

// Resolve returns the project with the references that are in values replaced; the others stay as they are written. It reads the
// documents that Load kept, and runs nothing. The project that it is called of stays as it is, and Refs and Needs are the same in both.
// A value that can't be where it is used is returned as Problems, without the value itself where it is a secret's.
func (p *Project) Resolve(values map[Ref]string) (*Project, error) {
	if p.origin.root == nil {
		return nil, errors.New("resolve references: the project was not made by Load")
	}
	root := p.origin.root.with(func(ref Ref) (string, bool) {
		value, ok := values[ref]
		return value, ok
	})
	l := newLoader(p.File, p.origin.docs, root, p.origin.env)
	root.each("", func(n *node, path string) {
		if len(n.refs) > 0 && strings.ContainsRune(n.text, 0) {
			l.add(n.at, path, noNUL, "")
		}
	})
	l.load()
	if len(l.problems) > 0 {
		return nil, masked(l.problems, root, values).sorted()
	}
	return l.project, nil
}

// masked are the problems of a tree with values in it. Load found none, so a problem of a step, a check or a string that holds a
// secret is about its value, or may be, and would tell it.
func masked(problems Problems, root *node, values map[Ref]string) Problems {
	for i, problem := range problems {
		key, _, inList := strings.Cut(problem.Key, "]")
		if inList {
			key += "]"
		}
		place, _ := root.lookup(key)
		secret, found := Ref{}, false
		for _, ref := range place.allRefs() {
			if ref.Space == SecretSpace {
				secret, found = ref, true
			}
		}
		for ref, value := range values {
			if ref.Space == SecretSpace && value != "" && strings.Contains(problem.Text+problem.Suggestion, value) {
				secret, found = ref, true
			}
		}
		if found {
			problems[i].Text, problems[i].Suggestion = "this can't be with the value that "+secret.String()+" has", ""
		}
	}
	return problems
}
