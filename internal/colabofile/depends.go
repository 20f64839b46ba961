package colabofile

import (
	"fmt"
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

// checkDependencies: machines depend on others that there are, and not in a circle.
func (l *loader) checkDependencies() {
	var names []string
	for _, d := range l.drafts {
		names = append(names, d.Name)
	}
	w := &walk{loader: l, byName: map[string]*draft{}, state: map[string]visit{}}
	for _, d := range l.drafts {
		w.byName[d.Name] = d
		for i, on := range d.DependsOn {
			n, path := l.dependency(d, i)
			switch {
			case n.kind != text: // noted already
			case on == d.Name:
				l.add(n.at, path, "a machine can't depend on itself", "")
			case !slices.Contains(names, on):
				l.add(n.at, path, fmt.Sprintf("there is no machine %q", on), nearest(on, names))
			case slices.Contains(d.DependsOn[:i], on):
				l.add(n.at, path, fmt.Sprintf("machine %s is named twice", on), "")
			}
		}
	}
	for _, d := range l.drafts {
		w.from(d, nil)
		for i, on := range d.DependsOn {
			n, _ := l.dependency(d, i)
			d.Needs = append(d.Needs, Dependency{Machine: on, Condition: Healthy, Pos: l.doc.position(n.at)})
		}
	}
}

// dependency is the node of a machine's i-th dependency.
func (l *loader) dependency(d *draft, i int) (*node, string) {
	return d.node.field("depends_on").items[i], index(join(d.path, "depends_on"), i)
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
	for i, on := range d.DependsOn {
		next := w.byName[on]
		switch {
		case next == nil || on == d.Name: // noted already
		case w.state[on] == onTheWay:
			circle := append(slices.Clone(way[slices.Index(way, on):]), on)
			n, path := w.dependency(d, i)
			w.add(n.at, path, "machines wait for each other: "+strings.Join(circle, " -> "), "")
		default:
			w.from(next, way)
		}
	}
	w.state[d.Name] = done
}
