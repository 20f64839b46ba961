package engine

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/colabo/colabo/internal/event"
)

func (e *Engine) emit(ev event.Event) {
	ev.Time, ev.Text = time.Now(), e.Secrets.Text(ev.Text)
	if log := e.log.Load(); log != nil {
		log.write(ev)
	}
	e.Events(ev)
}

// stage runs one stage of a machine's way and tells how it went. machine "" is the project as a whole.
func (e *Engine) stage(ctx context.Context, machine, name string, run func(context.Context, *stage) error) error {
	if err := ctx.Err(); err != nil { // a safe point: nothing new is begun
		return err
	}
	begin := time.Now()
	s := &stage{engine: e, machine: machine, name: name}
	s.tell(event.Begin, "")
	err := run(ctx, s)
	s.output.flush(s)
	ev := event.Event{Type: event.Done, Machine: machine, Stage: name, Text: s.result, Elapsed: time.Since(begin)}
	if err != nil {
		ev.Type, ev.Text = event.Failed, err.Error()
	}
	e.emit(ev)
	return err
}

// stage is a running stage.
type stage struct {
	engine  *Engine
	machine string
	name    string
	result  string // said when it is done
	output  lineBuffer
}

func (s *stage) tell(t event.Type, text string) {
	s.engine.emit(event.Event{Type: t, Machine: s.machine, Stage: s.name, Text: text})
}

// detail says what the stage does now; it is a providers.Report.
func (s *stage) detail(text string) { s.tell(event.Detail, text) }

// Write makes the stage the writer of its tools' output: each line is an event.
func (s *stage) Write(p []byte) (int, error) {
	s.output.write(s, p)
	return len(p), nil
}

// maxLine is the longest piece of output told at once; a tool that never ends its line must not fill the memory.
const maxLine = 4096

// lineBuffer cuts a stream into lines. A carriage return ends a line too: progress bars.
type lineBuffer struct {
	mu      sync.Mutex
	pending []byte
}

func (b *lineBuffer) write(s *stage, p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = append(b.pending, p...)
	for {
		end := bytes.IndexAny(b.pending, "\r\n")
		if end < 0 && len(b.pending) < maxLine {
			return
		}
		if end < 0 {
			end = maxLine - 1
		}
		if line := bytes.TrimRight(b.pending[:end], " \t"); len(line) > 0 {
			s.tell(event.Output, string(line))
		}
		b.pending = b.pending[end+1:]
	}
}

func (b *lineBuffer) flush(s *stage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(bytes.TrimSpace(b.pending)) > 0 {
		s.tell(event.Output, string(b.pending))
	}
	b.pending = nil
}
