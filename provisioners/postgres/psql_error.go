package postgres

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// maxErrorLines bounds what is kept of one error: message, statement, DETAIL, HINT, CONTEXT.
const maxErrorLines = 20

// messages takes what psql writes to its standard error while it reads a stream. Notices and warnings go on to next with
// the seed's name and line; the error that ended psql is kept.
type messages struct {
	stream *stream
	next   io.Writer

	mu     sync.Mutex
	line   []byte
	failed []string // the error's lines; the first one without its place
	seed   seed
	number int // the seed's line that psql had read when the error came; 0 behind the last seed's end
}

// Write takes whole and broken lines.
func (m *messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		m.line = append(m.line, part...)
		if ended {
			if err := m.take(string(m.line)); err != nil {
				return 0, err
			}
			m.line = m.line[:0]
		}
		rest = after
	}
	return len(p), nil
}

// located is psql's own prefix of every message about what it reads.
var located = regexp.MustCompile(`^psql:<stdin>:(\d+): (?:(NOTICE|WARNING|INFO|LOG|DEBUG):)?`)

func (m *messages) take(line string) error {
	match := located.FindStringSubmatch(line)
	switch {
	case match != nil:
		number, _ := strconv.Atoi(match[1]) // digits; one too large for an int is no line of any file
		seed, number := m.stream.place(number)
		text := line[strings.Index(line, ": ")+2:]
		if match[2] == "" && m.failed == nil {
			m.seed, m.number, m.failed = seed, number, []string{text}
			return nil
		}
		line = fmt.Sprintf("%s:%d: %s", seed.name, number, text)
	case m.failed != nil:
		if len(m.failed) < maxErrorLines {
			m.failed = append(m.failed, line)
		}
		return nil
	}
	_, err := io.WriteString(m.next, line+"\n")
	return err
}

// err is psql's error with the seed's name and line, and the statement as psql shows it; nil when there was none.
func (m *messages) err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed == nil {
		return nil
	}
	if m.number == 0 {
		return fmt.Errorf("load up to %s: a quote or a comment is open at the end of a seed: %s", m.seed.name, strings.Join(m.failed, "\n"))
	}
	line := m.number
	if better := refine(m.seed, m.number, m.failed); better > 0 {
		line = better
	}
	return fmt.Errorf("%s:%d: %s", m.seed.name, line, strings.Join(m.failed, "\n"))
}

var (
	shownLine = regexp.MustCompile(`^LINE \d+: (?:\.\.\.)?(.*?)(?:\.\.\.)?$`)
	copyLine  = regexp.MustCompile(`^CONTEXT:  COPY .*?, line (\d+)`)
	copyBegin = regexp.MustCompile(`(?i)^\s*COPY\s.*\sFROM\s+STDIN`)
)

// refine finds the line that an error is about. psql names the line where the statement ends; the server shows the text
// of the one it means, and counts the rows of a COPY. It returns 0 where neither is there.
func refine(s seed, last int, message []string) int {
	shown, row := "", 0
	for _, line := range message {
		if match := shownLine.FindStringSubmatch(line); match != nil && shown == "" {
			shown = strings.TrimSpace(match[1])
		}
		if match := copyLine.FindStringSubmatch(line); match != nil {
			row, _ = strconv.Atoi(match[1]) // as above
		}
	}
	if shown == "" && row == 0 {
		return 0
	}
	text, err := s.open()
	if err != nil {
		return 0
	}
	defer text.Close()
	found := 0
	reader := bufio.NewReader(text)
	for number := 1; number <= last; number++ {
		line, err := reader.ReadString('\n')
		switch {
		case row > 0 && copyBegin.MatchString(line):
			found = number + row
		case row == 0 && strings.Contains(strings.ReplaceAll(line, "\t", " "), shown):
			found = number
		}
		if err != nil {
			break
		}
	}
	return min(found, last)
}
