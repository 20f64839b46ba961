package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// tailSize is how much of a seed's end is looked at to tell whether its last statement is finished.
const tailSize = 4096

// trailerGap is how many lines between adds at most.
const trailerGap = 3

// between separates two seeds, given the first one's end: it ends a statement that has no semicolon, as the end of a file
// does for psql, and gives the next seed fresh settings, which dumps by pg_dump need (they empty the search path).
// A semicolon that ends nothing must not be sent: psql 15 stops reading at one that follows the rows of a COPY.
func between(tail []byte) string {
	if unfinished(tail) {
		return "\n;\nRESET ALL;\n"
	}
	return "\nRESET ALL;\n"
}

// unfinished says whether the last line that is neither blank nor a comment leaves a statement open.
func unfinished(tail []byte) bool {
	for {
		tail = bytes.TrimRight(tail, " \t\r\n")
		if len(tail) == 0 {
			return false
		}
		start := bytes.LastIndexByte(tail, '\n') + 1
		line := bytes.TrimSpace(tail[start:])
		switch {
		case bytes.HasPrefix(line, []byte("--")):
			tail = tail[:start]
		case line[0] == '\\': // a command of psql, or the end of a COPY
			return false
		default:
			return !bytes.HasSuffix(line, []byte(";")) && !bytes.HasSuffix(line, []byte("*/"))
		}
	}
}

// stream is what psql reads: the seeds one after the other, then the trailer. It knows which line is whose.
type stream struct {
	seeds   seedList
	trailer string

	current io.Reader
	closer  io.Closer
	next    int // the next part: seeds are the first len(seeds), each followed by between; then the trailer
	failed  error

	mu     sync.Mutex // guards what place reads
	lines  int        // line ends sent so far
	starts []int      // lines that were sent before each seed begun so far
	counts []int      // lines of each seed that was sent whole
	tail   []byte     // the end of what was sent
}

// Read never returns data and an error together.
func (s *stream) Read(p []byte) (int, error) {
	for {
		if s.failed != nil {
			return 0, s.failed
		}
		if s.current == nil {
			if err := s.open(); err != nil {
				return 0, s.fail(err)
			}
		}
		n, err := s.current.Read(p)
		s.sent(p[:n])
		if errors.Is(err, io.EOF) {
			err = s.close()
		}
		if err != nil {
			err = s.fail(fmt.Errorf("read %s: %w", s.seeds[min((s.next-1)/2, len(s.seeds)-1)].name, err))
		}
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// sent counts lines.
func (s *stream) sent(p []byte) {
	if len(p) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines += bytes.Count(p, []byte("\n"))
	keep := s.tail[max(0, len(s.tail)-max(0, tailSize-len(p))):]
	s.tail = append(bytes.Clone(keep), p[max(0, len(p)-tailSize):]...)
}

// open begins the next part; io.EOF after the last one.
func (s *stream) open() error {
	part := s.next
	s.next++
	switch {
	case part > 2*len(s.seeds):
		return io.EOF
	case part == 2*len(s.seeds):
		s.current = strings.NewReader(s.trailer)
	case part%2 == 1:
		s.current = strings.NewReader(between(s.tail))
	default:
		text, err := s.seeds[part/2].open()
		if err != nil {
			return err
		}
		s.current, s.closer = text, text
		s.mu.Lock()
		s.starts, s.tail = append(s.starts, s.lines), nil
		s.mu.Unlock()
	}
	return nil
}

// close ends the current part.
func (s *stream) close() error {
	closer := s.closer
	s.current, s.closer = nil, nil
	if closer == nil {
		return nil
	}
	s.mu.Lock()
	count := s.lines - s.starts[len(s.starts)-1]
	if len(s.tail) == 0 || s.tail[len(s.tail)-1] != '\n' {
		count++
	}
	s.counts = append(s.counts, count)
	s.mu.Unlock()
	return closer.Close()
}

// fail makes err the answer of every later Read.
func (s *stream) fail(err error) error {
	s.failed = err
	return err
}

// err is why the stream ended before its time, or nil.
func (s *stream) err() error {
	if errors.Is(s.failed, io.EOF) {
		return nil
	}
	return s.failed
}

// place turns a line of the stream, counted from 1, into a seed and a line of that seed. What stands between two seeds
// belongs to the end of the first. In the trailer it is line 0: psql took it for a part of what came before.
func (s *stream) place(line int) (seed, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.starts) - 1; i >= 0; i-- {
		if line <= s.starts[i] {
			continue
		}
		line -= s.starts[i]
		switch {
		case i >= len(s.counts):
			return s.seeds[i], line
		case i == len(s.seeds)-1 && line > s.counts[i]+trailerGap:
			return s.seeds[i], 0
		}
		return s.seeds[i], max(1, min(line, s.counts[i]))
	}
	return s.seeds[0], line
}
