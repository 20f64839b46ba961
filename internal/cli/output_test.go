package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/ui"
)

// TestAskIsAnswered: a line, the end of the input, or an interrupt while nobody types.
func TestAskIsAnswered(t *testing.T) {
	for typed, want := range map[string]bool{"y\n": true, " Yes\n": true, "n\n": false, "\n": false, "": false, "y": false} {
		a := &app{Streams: ui.Streams{In: strings.NewReader(typed), Err: io.Discard}}
		if got, err := a.ask(t.Context(), "Remove it?"); got != want || err != nil {
			t.Errorf("%q is understood as %v, %v", typed, got, err)
		}
	}
	silent, typist := io.Pipe()
	defer typist.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := &app{Streams: ui.Streams{In: silent, Err: io.Discard}}
	if got, err := a.ask(ctx, "Remove it?"); got || !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupted question returned %v, %v", got, err)
	}
}

// TestComplaintsOfAnInterrupt: what is left, what else went wrong, how to go on, and nothing of context's own.
func TestComplaintsOfAnInterrupt(t *testing.T) {
	broken := hint.New(errors.New("machine db: disk full"), "make room")
	halfway := fmt.Errorf("machine web: %w", errors.Join(context.Canceled, errors.New("close connection: lost")))
	for _, c := range []struct {
		err  error
		want []complaint
	}{
		{context.Canceled, []complaint{{text: "interrupted"}, {}}},
		{fmt.Errorf("wait: %w", context.Canceled), []complaint{{text: "interrupted"}, {}}},
		{halfway, []complaint{{text: "interrupted"}, {text: "close connection: lost"}, {}}},
		{
			errors.Join(&engine.InterruptedError{Left: "dev created", Err: errors.Join(broken, halfway)}),
			[]complaint{
				{text: "interrupted; left: dev created"}, {text: "machine db: disk full", hint: "make room"},
				{text: "close connection: lost"}, {hint: "go on"},
			},
		},
		{errors.Join(broken, errors.New("b")), []complaint{{text: "machine db: disk full", hint: "make room"}, {text: "b"}}},
	} {
		if got := complaintsOf(c.err, "go on"); !slices.Equal(got, c.want) {
			t.Errorf("%v:\ngot  %+v\nwant %+v", c.err, got, c.want)
		}
	}
}

// TestMachineTable fits a terminal: a port a line, and below a machine what its provider says, in one line.
func TestMachineTable(t *testing.T) {
	statuses := []engine.MachineStatus{
		{Name: "dev", State: "running", Detail: "is\tvery\nslow, because " + strings.Repeat("of this ", 40), Ports: []engine.PortStatus{
			{Host: "127.0.0.1:8080", Guest: 80, Protocol: "tcp", Open: true},
			{Host: "0.0.0.0:53", Guest: 53, Protocol: "udp"},
			{Host: "[::1]:9000", Guest: 90, Protocol: "tcp", Open: true},
		}},
		{Name: "db", State: "stopped"},
	}
	const want = `MACHINE  STATE    PROVIDER  ADDRESS  PORTS
dev      running  -         -        8080->80
                                     0.0.0.0:53->53/udp (closed)
                                     [::1]:9000->90
  is very slow, because of this of this of this of this of this of this of this…
db       stopped  -         -        -
`
	var out strings.Builder
	if err := ui.Table(&out, machineTable(statuses, 80)); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
	wide := machineTable(statuses[:1], 1000)
	if got := wide[1][4]; got != "8080->80, 0.0.0.0:53->53/udp (closed), [::1]:9000->90" {
		t.Errorf("on a wide terminal the ports are %q", got)
	}
}
