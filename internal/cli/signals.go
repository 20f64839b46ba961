package cli

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/colabo/colabo/internal/ui"
)

// untilEnded returns a context that ends with the first interrupt, so that the command ends at its next safe point. The
// second interrupt does again what it does by itself. A hang-up only ends the context, however often it comes: a terminal
// that is closed sends more than one. One that is ignored from the start, as by nohup, stays ignored.
func untilEnded() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	hangups := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(hangups, syscall.SIGHUP)
	}
	context.AfterFunc(ctx, func() { signal.Stop(signals) })
	go func() {
		select {
		case <-signals:
		case <-hangups:
		case <-ctx.Done():
		}
		cancel()
	}()
	return ctx, cancel
}

// watchReaders has the command end when nobody reads its output or its messages any more, as `head` does after its first
// lines: the signal that would end the process at once leaves no time to end what runs in a machine.
func watchReaders(streams ui.Streams, cancel context.CancelFunc) (watched ui.Streams, gone *atomic.Bool) {
	// Go ends the process on such a write unless somebody asked for the signal. It is not ignored: programs that
	// are started would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	gone = new(atomic.Bool)
	note := func() {
		gone.Store(true)
		cancel()
	}
	return ui.Streams{In: streams.In, Out: ui.WatchPipe(streams.Out, note), Err: ui.WatchPipe(streams.Err, note)}, gone
}
