package colabofile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxDepth is how many tables and lists may be inside each other, and how many parts a key may have: more than any
// Colabofile needs, and little enough to go through them one by one.
const maxDepth = 50

// parser makes a tree of nodes of a document.
type parser struct {
	doc      *document
	root     *node
	current  *node  // the table that key = value goes to
	path     string // of current
	depth    int    // of the value that is being read
	problems Problems
}

// parse returns the document's tree, or what keeps it from being TOML.
func parse(doc *document) (*node, Problems) {
	p := &parser{doc: doc, root: newTable(0, byHeader)}
	p.current = p.root
	var syntax unstable.Parser
	syntax.Reset(doc.data)
	for syntax.NextExpression() {
		p.expression(syntax.Expression())
	}
	if err := syntax.Error(); err != nil {
		return nil, Problems{p.syntaxProblem(&syntax, err)}
	}
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	// The tree takes what the syntax allows; what TOML forbids beyond that, the library's own decoder finds.
	var all map[string]any
	if err := toml.Unmarshal(doc.data, &all); err != nil {
		return nil, Problems{p.decodeProblem(err)}
	}
	return p.root, nil
}

// syntaxProblem places an error of the parser.
func (p *parser) syntaxProblem(syntax *unstable.Parser, err error) Problem {
	problem := Problem{Pos: p.doc.position(len(p.doc.data)), Text: err.Error()}
	var at *unstable.ParserError
	if errors.As(err, &at) {
		offset := int(syntax.Range(at.Highlight).Offset)
		problem.Pos = p.doc.position(offset)
		if strings.HasSuffix(at.Message, "at start of value") || strings.HasPrefix(at.Message, "expected keyword") {
			problem.Text = valueProblem(string(p.doc.data[offset:]))
		}
	}
	return problem
}

// valueProblem says what is wrong with the text that stands where a value should.
func valueProblem(rest string) string {
	line, _, _ := strings.Cut(rest, "\n")
	line, _, _ = strings.Cut(line, "#")
	words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r,[]{}\"'", r) })
	if len(words) == 0 {
		return "a value is missing"
	}
	return fmt.Sprintf("a string needs quotes: %q", words[0])
}

// decodeProblem places an error of the decoder.
func (p *parser) decodeProblem(err error) Problem {
	problem := Problem{Pos: p.doc.position(0), Text: strings.TrimPrefix(err.Error(), "toml: ")}
	var at *toml.DecodeError
	if errors.As(err, &at) {
		problem.Pos = p.doc.position(p.doc.offset(at.Position()))
	}
	return problem
}

// add notes a problem.
func (p *parser) add(at int, key, text string) {
	p.problems = append(p.problems, Problem{Pos: p.doc.position(at), Key: key, Text: text})
}

// expression takes one line's worth of the document into the tree.
func (p *parser) expression(e *unstable.Node) {
	switch e.Kind {
	case unstable.Table:
		p.header(e, table)
	case unstable.ArrayTable:
		p.header(e, list)
	case unstable.KeyValue:
		p.keyValue(p.current, p.path, e)
	}
}

// header opens a [table], or another element of a [[list]].
func (p *parser) header(e *unstable.Node, want kind) {
	names, offsets := keyParts(e)
	last := len(names) - 1
	if last >= maxDepth {
		p.add(offsets[0], names[0], "nested too deeply")
		return
	}
	at := offsets[last]
	// What follows a header that can't be opened is read, and belongs nowhere.
	p.current, p.path = newTable(at, byHeader), strings.Join(names, ".")
	parent, path, ok := p.walk(p.root, "", names[:last], offsets)
	if !ok {
		return
	}
	path = join(path, names[last])
	have := parent.fields[names[last]]
	switch {
	case have == nil && want == table:
		have = newTable(at, byHeader)
		parent.set(names[last], have)
	case have == nil:
		have = &node{kind: list, key: at, at: at, made: byHeader}
		parent.set(names[last], have)
	case have.kind == table && want == table && have.made == byPath:
		have.made, have.key, have.at = byHeader, at, at
	case have.kind == list && want == list && have.made == byHeader:
	default:
		p.twice(at, path, have)
		return
	}
	p.current, p.path = have, path
	if want == list {
		p.current, p.path = newTable(at, byHeader), index(path, len(have.items))
		have.items = append(have.items, p.current)
	}
}

// walk follows names from a table, making the tables that are missing, into the last element of lists of tables.
func (p *parser) walk(n *node, path string, names []string, offsets []int) (*node, string, bool) {
	for i, name := range names {
		path = join(path, name)
		child := n.fields[name]
		switch {
		case child == nil:
			child = newTable(offsets[i], byPath)
			n.set(name, child)
		case child.kind == list && child.made == byHeader:
			path = index(path, len(child.items)-1)
			child = child.items[len(child.items)-1]
		case child.kind != table || child.made == byValue:
			p.twice(offsets[i], path, child)
			return nil, path, false
		}
		n = child
	}
	return n, path, true
}

// keyValue takes key = value into a table.
func (p *parser) keyValue(into *node, path string, e *unstable.Node) {
	names, offsets := keyParts(e)
	last := len(names) - 1
	if last >= maxDepth {
		p.add(offsets[0], join(path, names[0]), "nested too deeply")
		return
	}
	parent, path, ok := p.walk(into, path, names[:last], offsets)
	if !ok {
		return
	}
	path = join(path, names[last])
	if have := parent.fields[names[last]]; have != nil {
		p.twice(offsets[last], path, have)
		return
	}
	child := p.value(e.Value(), path, p.afterEquals(e))
	child.key = offsets[last]
	parent.set(names[last], child)
}

// twice notes a second definition.
func (p *parser) twice(at int, path string, first *node) {
	how := fmt.Sprintf("already set in line %d", p.doc.position(first.key).Line)
	if path == "provider" && (first.kind == text || first.kind == table) {
		how += `; beside [provider.NAME] blocks, write [provider] and use = "NAME"`
	}
	p.add(at, path, how)
}

// afterEquals is the offset of the value of key = value.
func (p *parser) afterEquals(e *unstable.Node) int {
	offset := int(e.Raw.Offset)
	for keys := e.Key(); keys.Next(); {
		offset = int(keys.Node().Raw.Offset + keys.Node().Raw.Length)
	}
	for offset < len(p.doc.data)-1 && strings.IndexByte(" \t=", p.doc.data[offset]) >= 0 {
		offset++
	}
	return offset
}

// value makes a node of a value; at is where it is, should the parser not know: it doesn't for lists, and so a list in
// a list is where its first element is.
func (p *parser) value(v *unstable.Node, path string, at int) *node {
	if v.Raw.Length > 0 {
		at = int(v.Raw.Offset)
	}
	n := &node{key: at, at: at, text: string(v.Data)}
	switch v.Kind {
	case unstable.Array, unstable.InlineTable:
		if p.depth++; p.depth > maxDepth {
			p.add(at, path, "nested too deeply")
		} else {
			n = p.container(v, path, at)
		}
		p.depth--
	case unstable.String:
		n.kind = text
	case unstable.Bool:
		n.kind, n.value = boolean, n.text == "true"
	case unstable.Integer, unstable.Float:
		p.number(n, v.Kind, path)
	default:
		n.kind = date
	}
	return n
}

// container makes a node of a list or an inline table.
func (p *parser) container(v *unstable.Node, path string, at int) *node {
	if v.Kind == unstable.InlineTable {
		n := newTable(at, byValue)
		for pairs := v.Children(); pairs.Next(); {
			p.keyValue(n, path, pairs.Node())
		}
		return n
	}
	n := &node{kind: list, key: at, at: at, made: byValue}
	for items := v.Children(); items.Next(); {
		item := p.value(items.Node(), index(path, len(n.items)), at)
		if item.kind == list && len(item.items) > 0 {
			item.key, item.at = item.items[0].at, item.items[0].at
		}
		n.items = append(n.items, item)
	}
	return n
}

// number reads the text of a number.
func (p *parser) number(n *node, written unstable.Kind, path string) {
	var err error
	if n.kind = integer; written == unstable.Float {
		n.kind = float
		n.value, err = strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
	} else {
		n.value, err = strconv.ParseInt(n.text, 0, 64)
	}
	if err != nil {
		p.add(n.at, path, n.text+" is not a number that fits into 64 bits")
	}
}

// keyParts are the parts of a dotted key, and their offsets.
func keyParts(e *unstable.Node) (names []string, offsets []int) {
	for keys := e.Key(); keys.Next(); {
		names = append(names, string(keys.Node().Data))
		offsets = append(offsets, int(keys.Node().Raw.Offset))
	}
	return names, offsets
}
