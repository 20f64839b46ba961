package sshguest

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// gate passes output to a writer of the caller's until Run returns. It never fails: what can't be written
// any more is dropped, so that the connection goes on, and the command is ended.
type gate struct {
	lock    *sync.Mutex // shared by gates on the same writer
	w       io.Writer   // nil discards
	abort   context.CancelCauseFunc
	traffic atomic.Bool
}

func (g *gate) Write(p []byte) (int, error) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.traffic.Store(true)
	if g.w != nil {
		if _, err := g.w.Write(p); err != nil {
			g.w = nil
			g.abort(&streamError{"write output", err})
		}
		g.traffic.Store(true)
	}
	return len(p), nil
}

// shut waits for a write under way; there is none after it.
func (g *gate) shut() {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.w = nil
}

// sawTraffic reports whether anything was written since it was last asked, or is being written.
func (g *gate) sawTraffic() bool {
	if !g.lock.TryLock() {
		return true
	}
	defer g.lock.Unlock()
	return g.traffic.Swap(false)
}

// sameWriter reports whether two writers are one. Like os/exec, it takes writers that can't be compared for different.
func sameWriter(a, b io.Writer) (same bool) {
	defer func() { _ = recover() }()
	return a != nil && a == b
}

// startWatch keeps back what sudo says until the command itself has started.
type startWatch struct {
	w        io.Writer
	watching bool
	lock     sync.Mutex // over before
	before   []byte
	pid      string        // of the command; to be read after started
	started  chan struct{} // closed when the start mark has come
}

// beforeLimit bounds what is kept of what sudo says.
const beforeLimit = 64 << 10

func (s *startWatch) Write(p []byte) (int, error) {
	if !s.watching {
		return s.w.Write(p)
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.before = append(s.before, p...)
	mark := bytes.IndexByte(s.before, startMark)
	if mark < 0 {
		s.before = s.before[max(0, len(s.before)-beforeLimit):]
		return len(p), nil
	}
	end := bytes.IndexByte(s.before[mark:], '\n')
	if end < 0 {
		return len(p), nil
	}
	s.pid = string(s.before[mark+1 : mark+end])
	s.watching = false
	close(s.started)
	_, err := s.w.Write(s.before[mark+end+1:])
	s.before = nil
	return len(p), err
}

func (s *startWatch) hasStarted() bool {
	select {
	case <-s.started:
		return true
	default:
		return false
	}
}

// said is what came instead of the start mark.
func (s *startWatch) said() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return string(s.before)
}
