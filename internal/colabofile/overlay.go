package colabofile

import "slices"

// LocalName is what the file is called that lies over a Colabofile: one developer's own changes, ignored by git.
const LocalName = FileName + ".local"

// lay puts the tree of a second document over that of the first: tables are merged key by key, anything else is replaced. Steps
// are merged by name, or added; checks are added. The trees and documents become one.
func lay(under *node, doc *document, over *node, overDoc *document) {
	overDoc.base = len(doc.data) + 1
	doc.over = overDoc
	over.shift(overDoc.base)
	merge(under, over, "")
}

// shift moves the offsets of a tree.
func (n *node) shift(by int) {
	n.key += by
	n.at += by
	for _, child := range n.fields {
		child.shift(by)
	}
	for _, item := range n.items {
		item.shift(by)
	}
}

// merge puts a table over another one; key is what that is called.
func merge(under, over *node, key string) {
	for _, name := range over.names {
		have, child := under.fields[name], over.fields[name]
		switch {
		case have == nil:
			under.set(name, child)
		case have.kind == table && child.kind == table:
			merge(have, child, name)
		case key == "" && name == "provider" && have.kind == table && child.kind == text:
			have.names = slices.DeleteFunc(have.names, func(name string) bool { return name == "use" })
			have.set("use", child)
		case name == "provision" && have.kind == list && child.kind == list:
			mergeSteps(have, child)
		case name == "check" && have.kind == list && child.kind == list:
			have.items = append(have.items, child.items...)
		default:
			under.fields[name] = child
		}
	}
}

// mergeSteps puts steps over those of the same name, and adds the others.
func mergeSteps(under, over *node) {
	for _, step := range over.items {
		name := step.field("name")
		i := slices.IndexFunc(under.items, func(n *node) bool {
			own := n.field("name")
			return name != nil && own != nil && own.kind == text && name.kind == text && own.raw == name.raw
		})
		if i < 0 {
			under.items = append(under.items, step)
			continue
		}
		merge(under.items[i], step, "provision")
	}
}
