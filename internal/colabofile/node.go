package colabofile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// kind is what a node is.
type kind int

const (
	table kind = iota
	list
	text
	integer
	float
	boolean
	date
)

// String is the kind in a message: "want a list, not a string".
func (k kind) String() string {
	switch k {
	case table:
		return "a table"
	case list:
		return "a list"
	case text:
		return "a string"
	case integer:
		return "a whole number"
	case float:
		return "a number"
	case boolean:
		return "true or false"
	case date:
		return "a date"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// node is a value of the document with its place.
type node struct {
	kind kind
	key  int // offset of its key; of the value itself where it has none
	at   int // offset of the value
	text string
	// value is the Go value of a number or boolean.
	value any
	// expanded: text holds something that came from a variable, and may stand for a number or boolean.
	expanded bool
	// parts are the pieces of text where some are not known yet; text has those as they are written.
	parts []part
	// refs are the references of text, those that have their value already included.
	refs []Ref
	// made says what brought the table or list into being, so that a second definition can be told from an addition.
	made origin

	names  []string // keys of a table in the file's order
	fields map[string]*node
	items  []*node
}

// origin is how a table or list was written.
type origin int

const (
	byPath   origin = iota // named on the way to something in it
	byHeader               // [table] or [[list of tables]]
	byValue                // { inline } or [ list ]
)

// newTable is an empty table.
func newTable(at int, made origin) *node {
	return &node{kind: table, key: at, at: at, made: made, fields: map[string]*node{}}
}

// set puts a child into a table.
func (n *node) set(name string, child *node) {
	n.names = append(n.names, name)
	n.fields[name] = child
}

// drop takes a child out of a table.
func (n *node) drop(name string) {
	if n.field(name) != nil {
		n.names = slices.DeleteFunc(n.names, func(other string) bool { return other == name })
		delete(n.fields, name)
	}
}

// field is a table's child, or nil.
func (n *node) field(name string) *node {
	if n == nil || n.kind != table {
		return nil
	}
	return n.fields[name]
}

// lookup follows a path such as `seed[1]` or `env.NAME` as far as it goes; found says whether that was to its end.
func (n *node) lookup(path string) (deepest *node, found bool) {
	for path != "" {
		if strings.HasPrefix(path, "[") {
			number, rest, _ := strings.Cut(path[1:], "]")
			i, err := strconv.Atoi(number)
			if err != nil || i < 0 || i >= len(n.items) {
				return n, false
			}
			n, path = n.items[i], strings.TrimPrefix(rest, ".")
			continue
		}
		name, rest := path, ""
		if i := strings.IndexAny(path, ".["); i >= 0 {
			name, rest = path[:i], strings.TrimPrefix(path[i:], ".")
		}
		child := n.field(name)
		if child == nil {
			return n, false
		}
		n, path = child, rest
	}
	return n, true
}

// each calls do for the node and all that is in it, with their paths.
func (n *node) each(path string, do func(n *node, path string)) {
	if n == nil {
		return
	}
	do(n, path)
	for _, name := range n.names {
		n.fields[name].each(join(path, name), do)
	}
	for i, item := range n.items {
		item.each(index(path, i), do)
	}
}

// shift moves the node's places, and those of all that is in it.
func (n *node) shift(offset int) {
	n.key += offset
	n.at += offset
	for _, child := range n.fields {
		child.shift(offset)
	}
	for _, item := range n.items {
		item.shift(offset)
	}
}

// plain is the node as Go values: map[string]any, []any, string, int64, float64, bool.
func (n *node) plain() any {
	switch n.kind {
	case table:
		values := make(map[string]any, len(n.fields))
		for name, child := range n.fields {
			values[name] = child.plain()
		}
		return values
	case list:
		values := make([]any, 0, len(n.items))
		for _, item := range n.items {
			values = append(values, item.plain())
		}
		return values
	case integer, float, boolean:
		return n.value
	}
	return n.text
}

// join is the path of a table's child.
func join(path, name string) string {
	if !bareKey(name) {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// index is the path of a list's element.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// bareKey says whether TOML takes the name without quotes.
func bareKey(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return name != ""
}
