package colabofile

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// portTable is a port that is written as a table.
type portTable struct {
	Guest       int    `toml:"guest" doc:"port inside the machine"`
	Host        int    `toml:"host" doc:"port of this host; default: the guest's"`
	Address     string `toml:"address" default:"127.0.0.1" doc:"address of this host"`
	Protocol    string `toml:"protocol" enum:"tcp,udp" default:"tcp" doc:"what is passed on"`
	AutoCorrect bool   `toml:"auto_correct" doc:"take the next free port where this one is in use"`
}

// loadPorts reads `ports`: strings as providers.ParsePorts takes them, numbers and tables.
func (l *loader) loadPorts(n *node, path string) []Port {
	if n.kind != list {
		l.want(n, path, `a list, like ["8080:80"]`)
		return nil
	}
	var ports []Port
	for i, item := range n.items {
		ports = append(ports, l.loadPort(item, index(path, i))...)
	}
	return ports
}

// loadPort reads one element of `ports`.
func (l *loader) loadPort(n *node, path string) []Port {
	pos := l.doc.position(n.at)
	switch n.kind {
	case text, integer:
		parsed, err := providers.ParsePorts(n.text)
		if err != nil {
			l.add(n.at, path, err.Error(), "")
		}
		ports := make([]Port, 0, len(parsed))
		for _, port := range parsed {
			ports = append(ports, Port{Port: port, Pos: pos})
		}
		return ports
	case table:
		return l.loadPortTable(n, path)
	}
	l.want(n, path, `a port, like "8080:80" or { guest = 80, host = 8080 }`)
	return nil
}

// loadPortTable reads a port that is written as a table.
func (l *loader) loadPortTable(n *node, path string) []Port {
	before := len(l.problems)
	var t portTable
	into := reflect.ValueOf(&t).Elem()
	l.applyDefaults(into)
	l.decodeStruct(n, path, into, extras{})
	if n.field("guest") == nil {
		l.addFound(before, "guest", "the port inside the machine is missing", layer{n, path})
	}
	for _, key := range []string{"guest", "host"} {
		port := map[string]int{"guest": t.Guest, "host": t.Host}[key]
		if n.field(key) != nil && (port < 1 || port > 65535) {
			l.addFound(before, key, fmt.Sprintf("%d is not between 1 and 65535", port), layer{n, path})
		}
	}
	address, err := providers.ParseAddress(t.Address)
	if err != nil {
		l.addFound(before, "address", err.Error(), layer{n, path})
	}
	if len(l.problems) > before {
		return nil
	}
	return []Port{{
		Port:        providers.Port{Host: cmp.Or(t.Host, t.Guest), Guest: t.Guest, Address: address, Protocol: t.Protocol},
		AutoCorrect: t.AutoCorrect,
		Pos:         l.doc.position(n.at),
	}}
}

// portNumber says whether the text is a port.
func portNumber(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// taker is who wants a port of the host.
type taker struct {
	providers.Port
	machine string
	what    string // "machine web" or "step api of machine web"
	moves   bool   // takes another port where this one is in use
	at      Position
	path    string
}

// checkHostPorts: a port of the host is published once. Ports that correct themselves give way.
func (l *loader) checkHostPorts() {
	taken := map[[2]string][]taker{} // by protocol and number
	for _, d := range l.drafts {
		for _, t := range l.takers(d) {
			key := [2]string{t.Protocol, strconv.Itoa(t.Host)}
			for _, other := range taken[key] {
				if t.moves || other.moves || !overlap(t.Address, other.Address) || t.machine == other.machine && t.Port == other.Port && t.what != other.what {
					continue
				}
				l.problems = append(l.problems, Problem{
					Pos: t.at, Key: t.path,
					Text: fmt.Sprintf("port %d of the host is taken by %s, %s", t.Host, other.what, other.at.from(t.at)),
				})
				break
			}
			taken[key] = append(taken[key], t)
		}
	}
}

// takers are a machine's ports and those of its steps.
func (l *loader) takers(d *draft) []taker {
	var takers []taker
	for _, port := range d.Ports {
		own := func(n *node) bool { return l.doc.position(n.at) == port.Pos }
		i := slices.IndexFunc(d.node.field("ports").items, own)
		takers = append(takers, taker{
			Port: port.Port, machine: d.Name, what: "machine " + d.Name, moves: port.AutoCorrect,
			at: port.Pos, path: index(join(d.path, "ports"), i),
		})
	}
	for i, step := range d.Steps {
		publisher, ok := d.steps[i].spec.(provisioners.PortPublisher)
		if !ok {
			continue
		}
		for k, port := range publisher.PublishedPorts() {
			t := taker{
				Port: port, machine: d.Name, what: fmt.Sprintf("step %s of machine %s", step.Name, d.Name),
				at: step.Pos, path: d.steps[i].path,
			}
			if n := d.steps[i].node.field("ports"); n != nil {
				t.at, t.path = l.doc.position(n.at), join(t.path, "ports")
				if k < len(n.items) {
					t.at, t.path = l.doc.position(n.items[k].at), index(t.path, k)
				}
			}
			takers = append(takers, t)
		}
	}
	return takers
}

// overlap says whether one port can't be listened on at both addresses.
func overlap(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return errX != nil || errY != nil || x == y || x.IsUnspecified() || y.IsUnspecified()
}
