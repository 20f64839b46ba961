package colabofile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/colabo/colabo/provisioners"
)

// elements are the tables of a [[list of tables]]; what is none is noted.
func (l *loader) elements(n *node, path, example string) []layer {
	if n.kind != list {
		l.want(n, path, "a list of tables, each headed "+example)
		return nil
	}
	var tables []layer
	for i, item := range n.items {
		if item.kind != table {
			l.want(item, index(path, i), table.String())
			continue
		}
		tables = append(tables, layer{item, index(path, i)})
	}
	return tables
}

// loadSteps reads the [[provision]] tables of a machine.
func (l *loader) loadSteps(tables []layer) []Step {
	steps := make([]Step, 0, len(tables))
	for _, from := range tables {
		steps = append(steps, l.loadStep(from))
	}
	l.nameSteps(steps, tables)
	return steps
}

// loadStep reads one step: the keys that all have, and those of its type.
func (l *loader) loadStep(from layer) Step {
	step := Step{Pos: l.doc.position(from.node.at), Refs: refsIn(from.node)}
	common := reflect.ValueOf(&step).Elem()
	l.applyDefaults(common)
	kind, known := l.stepKind(from)
	var spec reflect.Value
	if known {
		step.Type, step.Spec = kind.Type, kind.New()
		spec = reflect.ValueOf(step.Spec).Elem()
		l.applyDefaults(spec)
	}
	before := len(l.problems)
	l.decodeStruct(from.node, from.path, common, extras{
		names: append(l.specKeys(spec), "type"),
		decode: func(name string, n *node, path string) bool {
			if name == "type" {
				return true
			}
			if !known {
				return true // whose key it is, its type would say
			}
			f, ok := find(l.fields(spec.Type()), name)
			if ok {
				l.decode(n, path, spec.FieldByIndex(f.index), f)
			}
			return ok
		},
	})
	if known {
		for _, problem := range step.Spec.Validate(l.project.Dir) {
			l.addFound(before, problem.Key, problem.Text, from)
		}
	}
	return step
}

// specKeys are the keys of a step's type.
func (l *loader) specKeys(spec reflect.Value) []string {
	if !spec.IsValid() {
		return nil
	}
	return keys(l.fields(spec.Type()))
}

// stepKind finds the implementation that a step's `type` names.
func (l *loader) stepKind(from layer) (provisioners.Kind, bool) {
	n := from.node.field("type")
	var known []string
	for _, kind := range l.env.Steps {
		if n != nil && n.kind == text && n.text == kind.Type {
			return kind, true
		}
		known = append(known, kind.Type)
	}
	switch path := join(from.path, "type"); {
	case n == nil:
		l.add(from.node.at, from.path, "a step needs a type: "+strings.Join(known, ", "), "")
	case n.kind != text:
		l.want(n, path, text.String())
	case slices.Contains(stepsUnbuilt(), n.text):
		l.add(n.at, path, fmt.Sprintf("%q is not supported yet by this version", n.text), "")
	default:
		l.add(n.at, path, fmt.Sprintf("there is no step type %q; there are %s", n.text, strings.Join(known, ", ")), nearest(n.text, known))
	}
	return provisioners.Kind{}, false
}

// nameSteps holds the steps' names to their rules, and names the nameless after their type.
func (l *loader) nameSteps(steps []Step, tables []layer) {
	taken := map[string]bool{}
	for i, from := range tables {
		n := from.node.field("name")
		if n == nil || n.kind != text {
			continue
		}
		switch path := join(from.path, "name"); {
		case !stepName(n.text):
			l.add(n.at, path, fmt.Sprintf("%q is no step's name: letters, digits, -, _ and dots", n.text), "")
		case taken[n.text]:
			l.add(n.at, path, fmt.Sprintf("there is a step %q in this machine already", n.text), "")
		}
		taken[steps[i].Name] = true
	}
	for i := range steps {
		if steps[i].Name != "" {
			continue
		}
		name := steps[i].Type
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", steps[i].Type, n)
		}
		steps[i].Name, taken[name] = name, true
	}
}

// stepName says whether a step can be called that.
func stepName(name string) bool {
	for _, part := range strings.Split(name, ".") {
		if !bareKey(part) {
			return false
		}
	}
	return len(name) <= 64
}
