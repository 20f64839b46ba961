package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/colabo/colabo/internal/event"
)

var story = []event.Event{
	{Type: event.Notice, Machine: "dev", Text: "runs on docker"},
	{Type: event.Begin, Machine: "dev", Stage: "step db"},
	{Type: event.Detail, Machine: "dev", Stage: "step db", Text: "installing"},
	{Type: event.Output, Machine: "dev", Stage: "step db", Text: "Setting up \x1b[31mpostgresql\x1b[0m"},
	{Type: event.Done, Machine: "dev", Stage: "step db", Elapsed: 1234 * time.Millisecond, Text: "database funtime"},
	{Type: event.Warning, Text: "look here"},
	{Type: event.Failed, Machine: "dev", Stage: "check", Elapsed: time.Second, Text: "not passed"},
}

func TestPlainProgress(t *testing.T) {
	const want = `• dev  runs on docker
dev  step db ...
dev  step db | Setting up postgresql
✓ dev  step db 1.2s  database funtime
! look here
✗ dev  check 1.0s
`
	var out bytes.Buffer
	p := NewProgress(Streams{Err: &out}, Style{})
	for _, e := range story {
		p.Handle(e)
	}
	p.Close()
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestQuietProgressShowsWarningsOnly(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(Streams{Err: &out}, Style{Quiet: true})
	for _, e := range story {
		p.Handle(e)
	}
	if want := "! look here\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestJSONProgressIsAnObjectALine(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(Streams{Out: &out}, Style{JSON: true})
	for _, e := range story {
		p.Handle(e)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(story) {
		t.Fatalf("%d lines for %d events", len(lines), len(story))
	}
	for i, line := range lines {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Type != story[i].Type || e.Text != story[i].Text {
			t.Errorf("line %d reads back as %+v (%v)", i+1, e, err)
		}
	}
}

// TestLiveProgressFits draws more stages than a terminal has rows, with lines that are too wide, and expects each
// frame to stay inside 80x24 and what is done to be left on the screen once.
func TestLiveProgressFits(t *testing.T) {
	var out bytes.Buffer
	p := &liveProgress{w: &out, stop: make(chan struct{})}
	for i := range 40 {
		machine := fmt.Sprintf("machine-%d", i)
		p.Handle(event.Event{Type: event.Begin, Time: time.Now(), Machine: machine, Stage: "create"})
		p.Handle(event.Event{Type: event.Output, Machine: machine, Stage: "create", Text: strings.Repeat("宽", 200)})
	}
	out.Reset()
	p.draw("")
	lines := strings.Split(strings.TrimSuffix(ansi.Strip(out.String()), "\n"), "\n")
	if len(lines) > 24 {
		t.Errorf("a frame has %d lines", len(lines))
	}
	for _, line := range lines {
		if width := ansi.StringWidth(line); width >= 80 {
			t.Errorf("a line is %d cells wide: %q", width, line)
		}
	}
	out.Reset()
	p.Handle(event.Event{Type: event.Done, Machine: "machine-7", Stage: "create"})
	if n := strings.Count(ansi.Strip(out.String()), "✓ machine-7  create"); n != 1 {
		t.Errorf("the stage that is done was written %d times", n)
	}
	if p.find(event.Event{Machine: "machine-7", Stage: "create"}) != nil {
		t.Error("the stage that is done is still in the live part")
	}
}

// TestControlCharactersStayOffTheTerminal: a tab or an escape sequence of a tool would wreck the live lines.
func TestControlCharactersStayOffTheTerminal(t *testing.T) {
	const hostile = "a\tb\r\x1b[2Jc\x07\u009bd"
	var out bytes.Buffer
	live := &liveProgress{w: &out, stop: make(chan struct{})}
	live.Handle(event.Event{Type: event.Begin, Time: time.Now(), Machine: "dev", Stage: "step"})
	live.Handle(event.Event{Type: event.Output, Machine: "dev", Stage: "step", Text: strings.Repeat("\t", 100) + hostile})
	live.draw("")
	for line := range strings.SplitSeq(strings.TrimSuffix(ansi.Strip(out.String()), "\n"), "\n") {
		if strings.ContainsAny(line, "\t\a\u009b") || ansi.StringWidth(line) >= 80 {
			t.Errorf("a live line is %q", line)
		}
	}
	for kind, want := range map[event.Type]string{
		event.Output: "dev  step |   a b c  d\n", event.Notice: "• dev    a\tb c  d\n", event.Warning: "! dev    a\tb c  d\n",
	} {
		out.Reset()
		plain := &plainProgress{w: &out}
		plain.Handle(event.Event{Type: kind, Machine: "dev", Stage: "step", Text: "  " + hostile})
		if out.String() != want {
			t.Errorf("%s is shown as %q, want %q", kind, out.String(), want)
		}
	}
}

// TestIdleLiveProgressIsSilent: a shell in a guest has the terminal while no stage runs.
func TestIdleLiveProgressIsSilent(t *testing.T) {
	var out bytes.Buffer
	p := &liveProgress{w: &out, stop: make(chan struct{})}
	p.draw("")
	p.Handle(event.Event{Type: event.Begin, Time: time.Now(), Stage: "connect"})
	p.draw("")
	p.Handle(event.Event{Type: event.Done, Stage: "connect"})
	out.Reset()
	p.draw("")
	p.Close()
	if out.Len() > 0 {
		t.Errorf("with nothing to show %q was written", out.String())
	}
}

func TestTableWithSpanningRows(t *testing.T) {
	rows := [][]string{{"NAME", "PORTS", "X"}, {"api", "1->1\n22->22", "y"}, {"  a long sentence about it"}, {"db", "-", "z"}}
	var out bytes.Buffer
	if err := Table(&out, rows); err != nil {
		t.Fatal(err)
	}
	const want = `NAME  PORTS   X
api   1->1    y
      22->22
  a long sentence about it
db    -       z
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
	if width := TableWidth(rows); width != 15 {
		t.Errorf("the table is %d cells wide", width)
	}
}

func TestTableAlignsWideText(t *testing.T) {
	var out bytes.Buffer
	if err := Table(&out, [][]string{{"NAME", "X"}, {"数据库", "1"}, {"api", "2"}}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME    X\n数据库  1\napi     2\n"; out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestFlatten(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	got := Flatten(errors.Join(a, errors.Join(b, c)))
	if !slices.Equal(got, []error{a, b, c}) {
		t.Errorf("Flatten = %v", got)
	}
}
