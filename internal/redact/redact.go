// Package redact keeps the values of secrets out of what people and logs see.
package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Mask stands where a secret stood.
const Mask = "***"

// shortest is the length of the shortest text that is masked: one or two characters are in every other word.
const shortest = 3

// Set is the values that must not be shown. Its zero value is empty and ready for use, by several goroutines.
type Set struct {
	mu       sync.RWMutex
	texts    []string
	replacer *strings.Replacer
}

// Add has a value masked from now on: as it is, each of its lines, and as JSON, URLs and base64 write it. Values of less than three
// characters are not masked.
func (s *Set) Add(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range append([]string{value, strings.TrimSpace(value)}, strings.Split(value, "\n")...) {
		text = strings.TrimRight(text, "\r")
		for _, form := range forms(text) {
			if len(text) >= shortest && !slices.Contains(s.texts, form) {
				s.texts = append(s.texts, form)
			}
		}
	}
	// What holds another one has to go first.
	slices.SortStableFunc(s.texts, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, text := range s.texts {
		pairs = append(pairs, text, Mask)
	}
	s.replacer = strings.NewReplacer(pairs...)
}

// forms are the ways in which a text is commonly written down.
func forms(text string) []string {
	quoted, _ := json.Marshal(text) // a string always can be
	return []string{
		text, string(quoted[1 : len(quoted)-1]), url.QueryEscape(text), url.PathEscape(text),
		base64.StdEncoding.EncodeToString([]byte(text)),
	}
}

// Text is the text with every secret masked.
func (s *Set) Text(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.replacer == nil {
		return text
	}
	return s.replacer.Replace(text)
}

// Writer masks what is written through it, line by line: the last line is held back until it ends or is longer than
// any line of a log. Close it after use; that does not close w.
func (s *Set) Writer(w io.Writer) io.WriteCloser { return &writer{set: s, w: w} }

// longestLine is how much is held back.
const longestLine = 64 << 10

type writer struct {
	set  *Set
	w    io.Writer
	mu   sync.Mutex
	held []byte
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, p...)
	end := bytes.LastIndexByte(w.held, '\n') + 1
	if end == 0 && len(w.held) > longestLine {
		end = len(w.held)
	}
	if end == 0 {
		return len(p), nil
	}
	_, err := io.WriteString(w.w, w.set.Text(string(w.held[:end])))
	w.held = append(w.held[:0], w.held[end:]...)
	return len(p), err
}

// Close writes what was held back.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := io.WriteString(w.w, w.set.Text(string(w.held)))
	w.held = nil
	return err
}
