package colabofile

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// document is a Colabofile's text; it turns byte offsets into positions. Another document may lie over it, whose offsets
// go on where this one's end.
type document struct {
	file  string // as problems name it
	data  []byte
	lines []int // offset of each line's first byte

	base int // offset of the first byte
	over *document
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
	if d.over != nil && offset >= d.over.base {
		return d.over.position(offset)
	}
	offset -= d.base
	offset = min(max(offset, 0), len(d.data))
	line := sort.SearchInts(d.lines, offset+1) // the number of lines that begin at or before offset
	column := utf8.RuneCount(d.data[d.lines[line-1]:offset]) + 1
	return Position{File: d.file, Line: line, Column: column}
}

// at is the text from an offset on.
func (d *document) at(offset int) []byte {
	if d.over != nil && offset >= d.over.base {
		return d.over.at(offset)
	}
	return d.data[min(max(offset-d.base, 0), len(d.data)):]
}

// offset is the byte at a line, and a column in bytes, both from 1.
func (d *document) offset(line, column int) int {
	line = min(max(line, 1), len(d.lines))
	return min(d.lines[line-1]+max(column, 1)-1, len(d.data))
}
