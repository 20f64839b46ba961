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

// needed is a dependency with its place.
type needed struct {
	Dependency
	at   int
	path string
}

// needTable is a dependency that is written as a table.
type needTable struct {
	Machine   string    `toml:"machine" doc:"the machine that must be there before"`
	Condition Condition `toml:"condition" enum:"started,provisioned,healthy" default:"healthy" doc:"how far it has to be: its guest answers, its steps are through, its checks pass"`
}

// loadNeeds reads `depends_on`: names of machines, and tables.
func (l *loader) loadNeeds(n *node, path string) []needed {
	if n.kind != list {
		what := list.String()
		if n.kind == text {
			what = fmt.Sprintf("a list, like [%q]", n.text)
		}
		l.want(n, path, what)
		return nil
	}
	var needs []needed
	for i, item := range n.items {
		need := needed{at: item.at, path: index(path, i)}
		need.Condition = Healthy
		switch item.kind {
		case text:
			need.Machine = item.text
		case table:
			var t needTable
			into := reflect.ValueOf(&t).Elem()
			l.applyDefaults(into)
			l.decodeStruct(item, need.path, into, extras{})
			need.Machine, need.Condition = t.Machine, t.Condition
			if machine := item.field("machine"); machine == nil {
				l.add(item.at, need.path, "the machine is missing", "")
				continue
			} else if machine.kind != text {
				continue // noted already
			}
		default:
			l.want(item, need.path, `a machine's name, or { machine = "db", condition = "started" }`)
			continue
		}
		need.Pos = l.doc.position(need.at)
		needs = append(needs, need)
	}
	return needs
}

// checkDependencies: machines depend on others that there are, and not in a circle. A machine that refers to another one's
// address needs it started.
func (l *loader) checkDependencies() {
	var names []string
	w := &walk{loader: l, byName: map[string]*draft{}, state: map[string]visit{}}
	for _, d := range l.drafts {
		names = append(names, d.Name)
		w.byName[d.Name] = d
	}
	for _, d := range l.drafts {
		for i, on := range d.needs {
			same := func(other needed) bool { return other.Machine == on.Machine }
			switch {
			case on.Machine == d.Name:
				l.add(on.at, on.path, "a machine can't depend on itself", "")
			case !slices.Contains(names, on.Machine):
				l.add(on.at, on.path, fmt.Sprintf("there is no machine %q", on.Machine), nearest(on.Machine, names))
			case slices.ContainsFunc(d.needs[:i], same):
				l.add(on.at, on.path, fmt.Sprintf("machine %s is named twice", on.Machine), "")
			}
		}
		d.addImplied(l.doc)
	}
	for _, d := range l.drafts {
		w.from(d, nil)
		for _, on := range d.needs {
			d.Needs = append(d.Needs, on.Dependency)
		}
	}
}

// addImplied adds the machines whose addresses the machine's environment, steps and checks refer to.
func (d *draft) addImplied(doc *document) {
	for _, key := range []string{"env", "provision", "check"} {
		d.node.field(key).eachRef(func(ref Ref, n *node) {
			same := func(other needed) bool { return other.Machine == ref.Name }
			if ref.Space != MachineSpace || ref.Name == d.Name || slices.ContainsFunc(d.needs, same) {
				return
			}
			d.needs = append(d.needs, needed{
				Dependency: Dependency{Machine: ref.Name, Condition: Started, Pos: doc.position(n.at)}, at: n.at, path: join(d.path, key),
			})
		})
	}
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
	for _, on := range d.needs {
		next := w.byName[on.Machine]
		switch {
		case next == nil || next == d: // noted already
		case w.state[on.Machine] == onTheWay:
			circle := append(slices.Clone(way[slices.Index(way, on.Machine):]), on.Machine)
			w.add(on.at, on.path, "machines wait for each other: "+strings.Join(circle, " -> "), "")
		default:
			w.from(next, way)
		}
	}
	w.state[d.Name] = done
}
