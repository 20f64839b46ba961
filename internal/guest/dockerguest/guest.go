// Package dockerguest is the way into a container machine: the engine's exec, behind guest.Guest.
//
// It needs a running container and nothing in it for Run. With a POSIX shell in it (every distribution's image) a command
// is started through a launcher of a few lines that tells its process id, so that it can be ended, and that starts it
// where a login would. Upload then is one exec, and atomic; Dial needs perl or python3 in the guest for its relay.
//
// What it does not know: images, machines, labels. That is package providers/docker.
package dockerguest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
)

// errClosed is why a command ended whose guest was closed.
var errClosed = errors.New("connection to the guest was closed")

// Guest is a running container. Make one with New.
type Guest struct {
	engine    *client.Client
	container string
	user      string
	closed    chan struct{}
	close     sync.Once
	// noShell is set once the container was seen to have no /bin/sh.
	noShell atomic.Bool
}

var _ guest.Guest = (*Guest)(nil)

// New returns the guest that is the container of that id or name. Commands without a User run as user; "" is the image's own.
// Nothing is asked of the engine yet. Closing the guest leaves engine open.
func New(engine *client.Client, container, user string) *Guest {
	return &Guest{engine: engine, container: container, user: user, closed: make(chan struct{})}
}

// Close cuts off the commands that run and makes later calls fail. It may be called more than once.
// Connections made by Dial live on until they are closed themselves.
func (g *Guest) Close() error {
	g.close.Do(func() { close(g.closed) })
	return nil
}

// bound returns a context that also ends with the guest. Its cause then is errClosed.
func (g *Guest) bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	select {
	case <-g.closed:
		return nil, nil, errClosed
	default:
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-g.closed:
			cancel(errClosed)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }, nil
}
