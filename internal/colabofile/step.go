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

// stepDraft is what a step was made from.
type stepDraft struct {
	layer
	spec provisioners.Step // that was validated: Step.Spec, with samples in the place of references; nil where the type is not known
}

// loadSteps reads the [[provision]] tables of a machine.
func (l *loader) loadSteps(d *draft, tables []layer) {
	d.Steps = make([]Step, 0, len(tables))
	for _, from := range tables {
		step, spec := l.loadStep(from)
		d.Steps = append(d.Steps, step)
		d.steps = append(d.steps, stepDraft{from, spec})
	}
	l.nameSteps(d.Steps, tables)
}

// loadStep reads one step, and returns what was validated as well.
func (l *loader) loadStep(from layer) (Step, provisioners.Step) {
	kind, known := l.stepKind(from)
	before := len(l.problems)
	step := l.decodeStep(l.decoder, from, kind)
	step.Refs = from.node.allRefs()
	if !known {
		return step, nil
	}
	valid := step.Spec
	if len(step.Refs) > 0 {
		valid = l.decodeStep(l.apart(), layer{from.node.with(sample), from.path}, kind).Spec
	}
	for _, problem := range valid.Validate(l.project.Dir) {
		l.addFound(before, problem.Key, problem.Text, from)
	}
	return step, valid
}

// decodeStep reads the keys that all steps have, and those of a type; the zero kind is one that nobody knows.
func (l *loader) decodeStep(d *decoder, from layer, kind provisioners.Kind) Step {
	step := Step{Type: kind.Type, Pos: l.doc.position(from.node.at)}
	common := reflect.ValueOf(&step).Elem()
	d.applyDefaults(common)
	var spec reflect.Value
	if kind.New != nil {
		step.Spec = kind.New()
		spec = reflect.ValueOf(step.Spec).Elem()
		d.applyDefaults(spec)
	}
	d.decodeStruct(from.node, from.path, common, extras{
		names: l.specKeys(spec),
		decode: func(name string, n *node, path string) bool {
			if name == "type" {
				return true
			}
			if _, ok := find(d.fields(common.Type()), name); ok {
				return false
			}
			if !spec.IsValid() {
				return true // whose key it is, its type would say
			}
			f, ok := find(d.fields(spec.Type()), name)
			if ok {
				d.decode(n, path, spec.FieldByIndex(f.index), f)
			}
			return ok
		},
	})
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
