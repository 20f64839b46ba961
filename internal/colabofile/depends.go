package colabofile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// checkPrimary: one machine at most is the primary one.
func (l *loader) checkPrimary() {
	first := ""
	for _, d := range l.drafts {
		switch {
		case !d.Primary:
		case first == "":
			first = d.Name
		default:
			l.add(d.node.field("primary").at, join(d.path, "primary"), fmt.Sprintf("machine %s is the primary one already", first), "")
		}
	}
}

// need is a dependency with the path of the key that it comes from.
type need struct {
	Dependency
	path string
	at   int
}

// loadNeeds reads `depends_on`: names of machines, and tables.
func (l *loader) loadNeeds(n *node, path string) []need {
	if n.kind != list {
		what := "a list of machines"
		if n.kind == text {
			what = fmt.Sprintf("a list, like [%q]", n.text)
		}
		l.want(n, path, what)
		return nil
	}
	var needs []need
	for i, item := range n.items {
		path := index(path, i)
		one := need{Dependency: Dependency{Pos: l.doc.position(item.at)}, path: path, at: item.at}
		into := reflect.ValueOf(&one.Dependency).Elem()
		l.applyDefaults(into)
		switch item.kind {
		case text:
			one.Machine = item.text
		case table:
			before := len(l.problems)
			l.decodeStruct(item, path, into, extras{})
			if item.field("machine") == nil {
				l.addFound(before, "machine", "the machine's name is missing", layer{item, path})
			} else {
				one.path, one.at = join(path, "machine"), item.field("machine").at
			}
			if len(l.problems) > before {
				continue
			}
		default:
			l.want(item, path, `a machine's name, or a table like { machine = "db", condition = "started" }`)
			continue
		}
		needs = append(needs, one)
	}
	return needs
}

// checkDependencies: machines depend on others that there are, and not in a circle. What `depends_on` says wins over what
// references imply.
func (l *loader) checkDependencies() {
	w := &walk{loader: l, byName: map[string]*draft{}, state: map[string]visit{}}
	names := make([]string, 0, len(l.drafts))
	for _, d := range l.drafts {
		names = append(names, d.Name)
		w.byName[d.Name] = d
	}
	for _, d := range l.drafts {
		seen := map[string]bool{}
		for _, need := range d.needs {
			switch {
			case need.Machine == d.Name:
				l.add(need.at, need.path, "a machine can't depend on itself", "")
			case w.byName[need.Machine] == nil:
				l.add(need.at, need.path, fmt.Sprintf("there is no machine %q", need.Machine), nearest(need.Machine, names))
			case seen[need.Machine]:
				l.add(need.at, need.path, fmt.Sprintf("machine %s is named twice", need.Machine), "")
			}
			seen[need.Machine] = true
		}
		l.addImplied(d, seen)
	}
	for _, d := range l.drafts {
		w.from(d, nil)
		d.Needs = nil
		for _, need := range d.needs {
			d.Needs = append(d.Needs, need.Dependency)
		}
	}
}

// addImplied adds the machines whose addresses a machine uses.
func (l *loader) addImplied(d *draft, seen map[string]bool) {
	d.eachString(l.defaults, func(n *node, path string) {
		for _, ref := range n.refs {
			if ref.Space != MachineSpace || ref.Name == d.Name || seen[ref.Name] {
				continue
			}
			seen[ref.Name] = true
			implied := Dependency{Machine: ref.Name, Condition: Started, Pos: l.doc.position(n.at)}
			d.needs = append(d.needs, need{Dependency: implied, path: path, at: n.at})
		}
	})
}

// visit is how far the search for circles is with a machine.
type visit int

const (
	unseen visit = iota
	onTheWay
	done
)

// walk searches for circles, depth first.
type walk struct {
	*loader
	byName map[string]*draft
	state  map[string]visit
}

// from follows a machine's dependencies; way is how it was reached.
func (w *walk) from(d *draft, way []string) {
	if w.state[d.Name] != unseen {
		return
	}
	w.state[d.Name] = onTheWay
	way = append(way, d.Name)
	for _, need := range d.needs {
		on := need.Machine
		next := w.byName[on]
		switch {
		case next == nil || on == d.Name: // noted already
		case w.state[on] == onTheWay:
			circle := append(slices.Clone(way[slices.Index(way, on):]), on)
			w.add(need.at, need.path, "machines wait for each other: "+strings.Join(circle, " -> "), "")
		default:
			w.from(next, way)
		}
	}
	w.state[d.Name] = done
}
