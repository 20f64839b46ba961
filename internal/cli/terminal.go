package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/ui"
)

// terminal hands this process's terminal to a command in the guest: raw, so that keys such as Ctrl-C reach it, and
// with its size. restore gives the terminal back as it was.
func (a *app) terminal(ctx context.Context) (t *guest.Terminal, restore func(), err error) {
	t = &guest.Terminal{Type: os.Getenv("TERM")}
	if t.Type == "" {
		t.Type = "xterm"
	}
	stop := func() {}
	t.Size = sizeOf(nil)
	if screen := firstTerminal(a.In, a.Out, a.Err); screen != nil {
		ctx, stop = context.WithCancel(ctx)
		t.Size, t.Resize = sizeOf(screen), resizes(ctx, screen)
	}
	input := firstTerminal(a.In)
	if input == nil {
		return t, stop, nil
	}
	before, err := term.MakeRaw(int(input.Fd()))
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("prepare terminal: %w", err)
	}
	return t, func() {
		stop()
		_ = term.Restore(int(input.Fd()), before) // nothing can be done about a terminal that is gone
	}, nil
}

// firstTerminal is the first of the streams that is a terminal; nil when none is.
func firstTerminal(streams ...any) *os.File {
	for _, stream := range streams {
		if ui.IsTerminal(stream) {
			return stream.(*os.File)
		}
	}
	return nil
}

// resizes sends the terminal's size whenever it changes, until ctx ends.
func resizes(ctx context.Context, file *os.File) <-chan guest.Size {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	sizes := make(chan guest.Size, 1)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			select {
			case sizes <- sizeOf(file):
			case <-ctx.Done():
				return
			}
		}
	}()
	return sizes
}

func sizeOf(file *os.File) guest.Size {
	columns, rows := ui.TerminalSize(file)
	return guest.Size{Columns: columns, Rows: rows}
}
