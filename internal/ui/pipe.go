package ui

import (
	"errors"
	"io"
	"syscall"
)

// WatchPipe returns a writer that calls gone when nobody reads w any more, each time that shows. A terminal is returned
// as it is: there it can't happen, and a terminal has to be told from other streams.
func WatchPipe(w io.Writer, gone func()) io.Writer {
	if IsTerminal(w) {
		return w
	}
	return &watchedPipe{w: w, gone: gone}
}

type watchedPipe struct {
	w    io.Writer
	gone func()
}

func (p *watchedPipe) Write(data []byte) (int, error) {
	n, err := p.w.Write(data)
	if errors.Is(err, syscall.EPIPE) {
		p.gone()
	}
	return n, err
}
