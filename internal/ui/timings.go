package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/colabo/colabo/internal/event"
)

// Timings remembers when each stage began and ended.
type Timings struct {
	mu     sync.Mutex
	stages []timedStage
}

// timedStage is a stage that ended.
type timedStage struct {
	label      string
	begin, end time.Time
	failed     bool
}

// Handle takes note of the stages that end.
func (t *Timings) Handle(e event.Event) {
	if e.Type != event.Done && e.Type != event.Failed {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stages = append(t.stages, timedStage{
		label: strings.TrimSpace(e.Machine + "  " + e.Stage),
		begin: e.Time.Add(-e.Elapsed), end: e.Time, failed: e.Type == event.Failed,
	})
}

// leastBar is how many cells of a terminal the bars have at least.
const leastBar = 10

// Write draws a line a stage, in the order in which they ended: how long it took, and a bar from where it began to where it ended, so
// that stages of several machines at the same time stand below each other. Lines are as wide as the columns.
func (t *Timings) Write(w io.Writer, columns int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.stages) == 0 {
		return nil
	}
	labels, first, last := 0, t.stages[0].begin, t.stages[0].end
	for _, s := range t.stages {
		labels = max(labels, ansi.StringWidth(s.label))
		if s.begin.Before(first) {
			first = s.begin
		}
		if s.end.After(last) {
			last = s.end
		}
	}
	labels = min(labels, columns/2)
	total := last.Sub(first)
	bars := max(columns-labels-len("  1234.5s  ")-1, leastBar)
	for _, s := range t.stages {
		label := ansi.Truncate(s.label, labels, "…")
		mark := ""
		if s.failed {
			mark = " ✗"
		}
		line := fmt.Sprintf("%s%s %8s  %s%s", label, strings.Repeat(" ", labels-ansi.StringWidth(label)),
			seconds(s.end.Sub(s.begin)), bar(s.begin.Sub(first), s.end.Sub(first), total, bars-len(" x")), mark)
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s %8s\n", strings.Repeat(" ", labels), seconds(total))
	return err
}

// bar is the span from begin to end of a total, drawn in so many cells; it is never empty.
func bar(begin, end, total time.Duration, cells int) string {
	if total <= 0 {
		return "▇"
	}
	from := min(int(float64(cells)*float64(begin)/float64(total)), cells-1)
	to := max(int(float64(cells)*float64(end)/float64(total)+0.5), from+1)
	return strings.Repeat(" ", from) + strings.Repeat("▇", to-from)
}
