package ui

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/colabo/colabo/internal/event"
)

func TestTimings(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var timings Timings
	ended := func(kind event.Type, machine, stage string, begin, end time.Duration) {
		timings.Handle(event.Event{Type: kind, Machine: machine, Stage: stage, Time: start.Add(end), Elapsed: end - begin})
	}
	timings.Handle(event.Event{Type: event.Begin, Machine: "db", Stage: "create", Time: start})
	ended(event.Done, "db", "create", 0, 5*time.Second)
	ended(event.Done, "数据库", "start", 4*time.Second, 4*time.Second)
	ended(event.Failed, "db", "step seed", 5*time.Second, 20*time.Second)
	const want = `db  create        5.0s  ▇▇▇▇▇
数据库  start     0.0s      ▇
db  step seed    15.0s       ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇ ✗
                 20.0s
`
	var out bytes.Buffer
	if err := timings.Write(&out, 47); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
	for _, columns := range []int{80, 40, 47} {
		out.Reset()
		if err := timings.Write(&out, columns); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if width := ansi.StringWidth(strings.TrimSuffix(line, "\n")); width >= columns {
				t.Errorf("at %d columns a line is %d cells wide: %q", columns, width, line)
			}
		}
	}
}
