package colabofile

import (
	"bytes"
	"slices"
	"sort"
	"unicode/utf8"
)

// document is a Colabofile's text; it turns byte offsets into positions.
type document struct {
	file  string // as problems name it
	data  []byte
	lines []int // offset of each line's first byte
	base  int   // offset of its first byte among its sources
}

// newDocument takes the text of a file, a byte order mark apart.
func newDocument(file string, data []byte) *document {
	d := &document{file: file, data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), lines: []int{0}}
	for i, b := range d.data {
		if b == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	return d
}

// position is the place of a byte.
func (d *document) position(offset int) Position {
	offset = min(max(offset, 0), len(d.data))
	line := sort.SearchInts(d.lines, offset+1) // the number of lines that begin at or before offset
	column := utf8.RuneCount(d.data[d.lines[line-1]:offset]) + 1
	return Position{File: d.file, Line: line, Column: column}
}

// offset is the byte at a line, and a column in bytes, both from 1.
func (d *document) offset(line, column int) int {
	line = min(max(line, 1), len(d.lines))
	return min(d.lines[line-1]+max(column, 1)-1, len(d.data))
}

// sources are the documents that a project is read from: the Colabofile, and the one that is merged over it. Their bytes are
// counted through, so that an offset says the document too.
type sources []*document

// newSources counts the documents through.
func newSources(docs ...*document) sources {
	base := 0
	for _, doc := range docs {
		doc.base = base
		base += len(doc.data) + 1 // the end of a document is a place in it
	}
	return docs
}

// position is the place of a byte.
func (s sources) position(offset int) Position {
	doc := s.document(offset)
	return doc.position(offset - doc.base)
}

// document is the one that the byte is in.
func (s sources) document(offset int) *document {
	for _, doc := range slices.Backward(s) {
		if offset >= doc.base {
			return doc
		}
	}
	return s[0]
}

// has says whether the text stands, byte by byte, at the offset.
func (s sources) has(offset int, text string) bool {
	doc := s.document(offset)
	from := offset - doc.base
	return from+len(text) <= len(doc.data) && string(doc.data[from:from+len(text)]) == text
}
