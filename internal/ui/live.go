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

// liveProgress keeps a line for each running stage at the bottom of the terminal; what is done scrolls away above.
type liveProgress struct {
	palette
	w      io.Writer
	mu     sync.Mutex
	active []*liveStage
	drawn  int // lines of the live part on the screen now
	stop   chan struct{}
	ended  sync.WaitGroup
}

type liveStage struct {
	machine, name, last string
	begin               time.Time
}

// redrawEvery is often enough to look alive and seldom enough not to flicker.
const redrawEvery = 100 * time.Millisecond

func newLiveProgress(w io.Writer, colors palette) *liveProgress {
	p := &liveProgress{palette: colors, w: w, stop: make(chan struct{})}
	p.ended.Go(p.animate)
	return p
}

func (p *liveProgress) animate() {
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.mu.Lock()
			p.draw("")
			p.mu.Unlock()
		}
	}
}

// Handle takes the event into the live part, or writes it above.
func (p *liveProgress) Handle(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Type {
	case event.Begin:
		p.active = append(p.active, &liveStage{machine: e.Machine, name: e.Stage, begin: e.Time})
	case event.Detail, event.Output:
		if s := p.find(e); s != nil {
			s.last = e.Text
		}
	case event.Done, event.Failed:
		p.forget(e)
		p.draw(p.line(e))
	default:
		p.draw(p.line(e))
	}
}

// Close takes the live part off the screen.
func (p *liveProgress) Close() {
	close(p.stop)
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active = nil
	p.draw("")
}

func (p *liveProgress) find(e event.Event) *liveStage {
	for _, s := range p.active {
		if s.machine == e.Machine && s.name == e.Stage {
			return s
		}
	}
	return nil
}

func (p *liveProgress) forget(e event.Event) {
	found := p.find(e)
	kept := p.active[:0]
	for _, s := range p.active {
		if s != found {
			kept = append(kept, s)
		}
	}
	p.active = kept
}

// draw replaces the live part in one write: above is what is to stay on the screen. Where there is nothing to show or to
// take away, nothing is written: the terminal may be another's by now, such as a command's in a guest.
func (p *liveProgress) draw(above string) {
	if above == "" && len(p.active) == 0 && p.drawn == 0 {
		return
	}
	columns, rows := TerminalSize(p.w)
	var frame strings.Builder
	if p.drawn > 0 {
		frame.WriteString(ansi.CursorUp(p.drawn))
	}
	frame.WriteString("\r")
	if above != "" {
		frame.WriteString(ansi.EraseScreenBelow + above + "\n")
	}
	p.drawn = 0
	for _, s := range p.active {
		if p.drawn >= rows-2 {
			break
		}
		frame.WriteString(ansi.EraseLineRight + ansi.Truncate(p.liveLine(s), columns-1, "…") + "\n")
		p.drawn++
	}
	frame.WriteString(ansi.EraseScreenBelow)
	_, _ = io.WriteString(p.w, frame.String()) // a terminal that went away ends the program by itself
}

// spinner turns once a second.
const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

func (p *liveProgress) liveLine(s *liveStage) string {
	elapsed := time.Since(s.begin)
	frames := []rune(spinner)
	frame := string(frames[int(elapsed/redrawEvery)%len(frames)])
	return fmt.Sprintf("%s %s %s  %s", frame, strings.TrimSpace(s.machine+"  "+s.name),
		p.faint(seconds(elapsed)), p.faint(strings.TrimSpace(OneLine(s.last))))
}
