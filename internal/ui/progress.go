package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/colabo/colabo/internal/event"
)

// Progress shows events. Close it before anything else is written to its stream.
type Progress interface {
	Handle(event.Event)
	Close()
}

// Style chooses how progress looks.
type Style struct {
	JSON  bool
	Quiet bool // warnings only
	Plain bool // no live lines, because something else writes to the terminal too
	Color bool
}

// NewProgress returns the renderer that fits: events as JSON lines on Out, live lines on a terminal, plain lines elsewhere.
func NewProgress(streams Streams, style Style) Progress {
	switch {
	case style.JSON:
		return &jsonProgress{w: streams.Out}
	case style.Quiet:
		return &plainProgress{w: streams.Err, palette: palette{style.Color}, quiet: true}
	case IsTerminal(streams.Err) && !style.Plain:
		return newLiveProgress(streams.Err, palette{style.Color})
	}
	return &plainProgress{w: streams.Err, palette: palette{style.Color}}
}

// jsonProgress writes one event a line.
type jsonProgress struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *jsonProgress) Handle(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = WriteJSON(p.w, e) // a reader that went away is noticed when the result is written
}

func (p *jsonProgress) Close() {}

// plainProgress writes a line an event, for pipes and logs.
type plainProgress struct {
	mu sync.Mutex
	w  io.Writer
	palette
	quiet bool
}

func (p *plainProgress) Handle(e event.Event) {
	if p.quiet && e.Type != event.Warning {
		return
	}
	line := p.line(e)
	if line == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, line)
}

func (p *plainProgress) Close() {}

// line is an event as one line; "" for what is not shown here.
func (p palette) line(e event.Event) string {
	subject := strings.TrimSpace(e.Machine + "  " + e.Stage)
	switch e.Type {
	case event.Begin:
		return p.faint(subject + " ...")
	case event.Done:
		return p.doneLine(e)
	case event.Failed:
		return fmt.Sprintf("%s %s %s", p.bad("✗"), subject, p.faint(seconds(e.Elapsed)))
	case event.Skipped:
		return fmt.Sprintf("%s %s %s", p.faint("-"), subject, p.faint(OneLine(e.Text)))
	case event.Output:
		return fmt.Sprintf("%s %s", p.faint(subject+" |"), strings.TrimRight(OneLine(e.Text), " "))
	case event.Notice:
		return fmt.Sprintf("%s %s", p.faint("•"), strings.TrimSpace(e.Machine+"  "+Printable(e.Text)))
	case event.Warning:
		return fmt.Sprintf("%s %s", p.caution("!"), strings.TrimSpace(e.Machine+"  "+Printable(e.Text)))
	}
	return ""
}

func (p palette) doneLine(e event.Event) string {
	line := fmt.Sprintf("%s %s %s", p.good("✓"), strings.TrimSpace(e.Machine+"  "+e.Stage), p.faint(seconds(e.Elapsed)))
	if e.Text != "" {
		line += "  " + OneLine(e.Text)
	}
	return line
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
