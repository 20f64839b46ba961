// Package tail keeps the last lines of a tool's output while that output streams on, so that the error of a step that
// failed can show the tool's own words.
package tail

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
)

// What a Writer keeps at most, however much is written to it.
const (
	maxLines = 12
	maxWidth = 500
)

// Writer passes on everything written to it and keeps the last lines. It may be written to from several goroutines.
type Writer struct {
	mu    sync.Mutex
	next  io.Writer
	lines []string
	line  []byte
	over  int // bytes of the line that were not kept
}

// NewWriter returns a Writer that passes everything on to next.
func NewWriter(next io.Writer) *Writer { return &Writer{next: next} }

// Write keeps p's lines and passes p on.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		room := min(len(part), maxWidth-len(w.line))
		w.line = append(w.line, part[:room]...)
		w.over += len(part) - room
		if ended {
			w.endLine()
		}
		rest = after
	}
	return w.next.Write(p)
}

// endLine keeps the line that was being written; blank ones are not worth a place.
func (w *Writer) endLine() {
	text := w.current()
	w.line, w.over = w.line[:0], 0
	if strings.TrimSpace(text) == "" {
		return
	}
	w.lines = append(w.lines, text)
	if len(w.lines) > maxLines {
		w.lines = w.lines[1:]
	}
}

// current is the unfinished line. Of a line that was overwritten with carriage returns, the last state counts.
func (w *Writer) current() string {
	text := strings.TrimRight(string(w.line), "\r")
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if w.over > 0 {
		text += "…"
	}
	return text
}

// String returns the last lines, without a line end after the last one; "" when nothing was written.
func (w *Writer) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	if text := w.current(); strings.TrimSpace(text) != "" {
		lines = append(lines[:len(lines):len(lines)], text)
	}
	return strings.Join(lines, "\n")
}

// Annotate adds the last lines to an error, each on a line of its own; err stays in the chain. nil stays nil.
func (w *Writer) Annotate(err error) error {
	text := w.String()
	if err == nil || text == "" {
		return err
	}
	return fmt.Errorf("%w; its output ends with:\n  %s", err, strings.ReplaceAll(text, "\n", "\n  "))
}
