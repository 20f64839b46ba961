package colabofile

import "slices"

// mergeOver puts a local file's tree over the one of the Colabofile, key by key. Tables are merged; strings, numbers, lists and
// secrets replace what was there. Steps go over the one of the same name, or behind the others; checks go behind the others.
// The primary machine is the local file's, where it has one.
func mergeOver(under, over *node) {
	choose := over.field("provider")
	switch was := under.field("provider"); {
	case was == nil || choose == nil || was.kind == choose.kind:
	case was.kind == table && choose.kind == text:
		over.fields["provider"] = asTable("use", choose)
	case was.kind == text && choose.kind == table:
		under.fields["provider"] = asTable("use", was)
	}
	if machines := over.field("machine"); slices.ContainsFunc(children(machines), isPrimary) {
		for _, machine := range children(under.field("machine")) {
			machine.drop("primary")
		}
	}
	mergeTables(under, over, nil)
}

// children are what is in a table.
func children(n *node) []*node {
	if n == nil {
		return nil
	}
	all := make([]*node, 0, len(n.names))
	for _, name := range n.names {
		all = append(all, n.fields[name])
	}
	return all
}

// isPrimary says whether the machine's table makes it the primary one.
func isPrimary(machine *node) bool {
	primary := machine.field("primary")
	return primary != nil && primary.value == true
}

// asTable is a table of one key.
func asTable(name string, n *node) *node {
	t := newTable(n.at, byValue)
	t.key = n.key
	t.set(name, n)
	return t
}

// mergeTables merges a table over another one; trail are the keys that lead to them.
func mergeTables(under, over *node, trail []string) {
	for _, name := range over.names {
		theirs := over.fields[name]
		ours := under.fields[name]
		trail := append(slices.Clone(trail), name)
		switch {
		case ours == nil:
			under.set(name, theirs)
		case ours.kind == table && theirs.kind == table && (len(trail) != 2 || trail[0] != "secrets"):
			mergeTables(ours, theirs, trail)
		case ours.kind == list && theirs.kind == list && inMachine(trail, "provision"):
			mergeSteps(ours, theirs)
		case ours.kind == list && theirs.kind == list && inMachine(trail, "check"):
			ours.items = append(ours.items, theirs.items...)
		default:
			under.fields[name] = theirs
		}
	}
}

// inMachine says whether the trail is that of a machine's key.
func inMachine(trail []string, key string) bool {
	return len(trail) == 3 && trail[0] == "machine" && trail[2] == key
}

// mergeSteps merges steps over those of the same name. One that is of another type takes its place as a whole.
func mergeSteps(under, over *node) {
	for _, step := range over.items {
		i := slices.IndexFunc(under.items, func(n *node) bool { return sameText(n, step, "name") })
		switch {
		case i < 0:
			under.items = append(under.items, step)
		case step.field("type") != nil && !sameText(under.items[i], step, "type"):
			under.items[i] = step
		default:
			mergeTables(under.items[i], step, []string{"step"})
		}
	}
}

// sameText says whether two tables have the same string for a key.
func sameText(a, b *node, key string) bool {
	x, y := a.field(key), b.field(key)
	return x != nil && y != nil && x.kind == text && y.kind == text && x.text == y.text
}
