package colabofile

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// The least that a machine can be made with.
const (
	leastMemory Size = 64 << 20
	leastDisk   Size = 256 << 20
)

// loadDefaults reads [defaults]: the keys of a machine that machines can have in common. A machine's own key wins;
// env and the providers' blocks are merged key by key. What is one machine's own business is refused.
func (l *loader) loadDefaults() {
	l.applyDefaults(reflect.ValueOf(&l.base).Elem())
	n := l.root.field("defaults")
	if n == nil {
		return
	}
	l.decodeStruct(n, "defaults", reflect.ValueOf(&l.base).Elem(), extras{
		names: l.providerNames(),
		decode: func(name string, child *node, path string) bool {
			if slices.Contains(ownKeys(), name) {
				return true // refused below
			}
			kind, ok := l.providerKind(name)
			if ok && kind.Options != nil {
				l.block(kind.Options(), layer{child, path})
			} else if ok {
				l.add(child.key, path, "this provider has no options", "")
			}
			return ok || l.unbuilt(machineUnbuilt(), name, child, path)
		},
	})
	if n.kind != table {
		return
	}
	for _, name := range ownKeys() {
		if child := n.field(name); child != nil {
			l.add(child.key, join("defaults", name), "machines can't have this in common, write it in [machine.NAME]", "")
		}
	}
	l.defaults = n
}

// ownKeys are those that machines can't have in common.
func ownKeys() []string {
	return []string{"hostname", "primary", "depends_on", "message", "ports", "provision", "check"}
}

// loadMachine reads one [machine.NAME].
func (l *loader) loadMachine(name string, n *node) {
	d := &draft{Machine: new(Machine), node: n, path: join("machine", name)}
	*d.Machine = l.base
	d.Name, d.Hostname, d.Env = name, name, maps.Clone(l.base.Env)
	d.Options = map[string]any{}
	d.Pos = l.doc.position(n.key)
	if !dnsLabel(name) || strings.ToLower(name) != name {
		l.add(n.key, d.path, "a machine's name is lower-case letters, digits and -, at most 63 of them, and begins and ends with no -", "")
	}
	l.decodeStruct(n, d.path, reflect.ValueOf(d.Machine).Elem(), extras{
		names: l.providerNames(),
		decode: func(key string, child *node, path string) bool {
			switch key {
			case "depends_on":
				d.needs = l.loadNeeds(child, path)
			case "ports":
				d.Ports = l.loadPorts(child, path)
			case "provision":
				l.loadSteps(d, l.elements(child, path, "[["+path+"]]"))
			case "check":
				d.Checks = l.loadChecks(child, path)
			default:
				_, ok := l.providerKind(key) // its block is read by loadOptions
				return ok || l.unbuilt(machineUnbuilt(), key, child, path)
			}
			return true
		},
	})
	if n.kind != table {
		return
	}
	l.loadOptions(d)
	l.checkMachine(d)
	d.Refs = d.ownRefs(l.defaults)
	l.drafts = append(l.drafts, d)
	l.project.Machines = append(l.project.Machines, d.Machine)
}

// loadOptions reads a machine's provider blocks, each over the one in [defaults].
func (l *loader) loadOptions(d *draft) {
	for _, kind := range l.env.Providers {
		var layers []layer
		for _, from := range []layer{{l.defaults, "defaults"}, {d.node, d.path}} {
			if n := from.node.field(kind.Name); n != nil {
				layers = append(layers, layer{n, join(from.path, kind.Name)})
			}
		}
		switch {
		case len(layers) == 0:
		case kind.Options == nil:
			own := layers[len(layers)-1]
			l.add(own.node.key, own.path, "this provider has no options", "")
		default:
			options := kind.Options()
			l.block(options, layers...)
			d.Options[kind.Name] = options
		}
	}
}

// checkMachine holds the machine's values to what they mean.
func (l *loader) checkMachine(d *draft) {
	if n, path := l.place(d, "provider"); n != nil {
		d.Provider = l.providerName(n, path)
	}
	l.check(d, "box", strings.TrimSpace(d.Box) != "" && printable(d.Box), "a box's name is printable, and not empty")
	l.check(d, "hostname", hostname(d.Hostname), fmt.Sprintf("%q is no host name: letters, digits, - and dots, at most 64 of them", d.Hostname))
	l.check(d, "cpus", d.CPUs >= 1 && d.CPUs <= 1024, fmt.Sprintf("%d is not between 1 and 1024", d.CPUs))
	l.check(d, "memory", d.Memory == 0 || d.Memory >= leastMemory, "a machine needs 64MiB at least")
	l.check(d, "disk", d.Disk == 0 || d.Disk >= leastDisk, "a disk needs 256MiB at least")
	l.check(d, "user", userName(d.User), fmt.Sprintf("%q is no user's name: lower-case letters, digits, - and _, at most 32 of them", d.User))
	for _, name := range slices.Sorted(maps.Keys(d.Env)) {
		if identifier(name) {
			continue
		}
		owner, path := d.node.field("env"), join(d.path, "env")
		if owner.field(name) == nil {
			owner, path = l.defaults.field("env"), "defaults.env"
		}
		l.add(owner.field(name).key, join(path, name), "a variable's name is letters, digits and _, and begins with no digit", "")
	}
}

// place is the node that a machine's key comes from, its own or that of [defaults]; nil where neither has it.
func (l *loader) place(d *draft, key string) (*node, string) {
	if n := d.node.field(key); n != nil {
		return n, join(d.path, key)
	}
	return l.defaults.field(key), join("defaults", key)
}

// check notes a problem of a key that the file has, unless its value is good; a value of a wrong kind was noted before.
func (l *loader) check(d *draft, key string, good bool, problem string) {
	n, path := l.place(d, key)
	if n == nil || good {
		return
	}
	for _, p := range l.problems {
		if p.Key == path {
			return
		}
	}
	l.add(n.at, path, problem, "")
}

// dnsLabel says whether the name can be one part of a host name.
func dnsLabel(name string) bool {
	if name == "" || len(name) > 63 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for _, r := range name {
		if r != '-' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// hostname says whether Linux and DNS take the name.
func hostname(name string) bool {
	if len(name) > 64 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if !dnsLabel(label) {
			return false
		}
	}
	return true
}

// userName says whether useradd takes the name.
func userName(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= 32
}

// printable says whether the text is one line that can be shown, and not empty.
func printable(text string) bool {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return strings.TrimSpace(text) != ""
}
