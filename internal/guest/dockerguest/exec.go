package dockerguest

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/hint"
)

// execution is one exec of the engine, attached to.
type execution struct {
	client.HijackedResponse
	engine    *client.Client
	container string
	id        string
	terminal  bool
}

// execute creates an exec and starts it attached. ctx bounds the start only; Close of the result detaches from the
// process, which does not end it.
func (g *Guest) execute(ctx context.Context, options client.ExecCreateOptions) (*execution, error) {
	created, err := g.engine.ExecCreate(ctx, g.container, options)
	if err != nil {
		return nil, notRunning(err)
	}
	attached, err := g.engine.ExecAttach(ctx, created.ID, client.ExecAttachOptions{TTY: options.TTY})
	if err != nil {
		return nil, fmt.Errorf("attach to the command: %w", err)
	}
	return &execution{
		HijackedResponse: attached.HijackedResponse, engine: g.engine, container: g.container,
		id: created.ID, terminal: options.TTY,
	}, nil
}

// notRunning puts the two common reasons why an exec cannot be created into words.
func notRunning(err error) error {
	switch {
	case errdefs.IsConflict(err):
		return hint.New(fmt.Errorf("the machine is not running: %w", err), "run `colabo up`")
	case errdefs.IsNotFound(err):
		return fmt.Errorf("the machine's container is gone: %w", err)
	}
	return err
}

// copyOutput hands on what the process writes until it has ended and closed its output.
func (e *execution) copyOutput(stdout, stderr io.Writer) error {
	var err error
	if e.terminal {
		_, err = io.Copy(stdout, e.Reader)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, e.Reader)
	}
	return err
}

// copying is a copyOutput that is under way.
type copying struct {
	done chan struct{} // closed at its end
	err  error         // set by then
}

// startCopy begins to copy the output; a nil stderr discards.
func (e *execution) startCopy(stdout, stderr io.Writer) *copying {
	c := &copying{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = e.copyOutput(stdout, writerOrDiscard(stderr))
	}()
	return c
}

// waitOrCut waits for the output's end, but not for long: then it cuts the connection. Nothing is written any more when it returns.
func (c *copying) waitOrCut(exec *execution) {
	select {
	case <-c.done:
	case <-time.After(lastWords):
		exec.Close()
		<-c.done
	}
}

func writerOrDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// result is how an execution ended.
type result struct {
	started bool
	code    int
}

// wait returns how the process ended. It is called after the output's end, so the engine knows already or is just
// about to learn it; a process that closed its output early is waited for.
func (e *execution) wait(ctx context.Context) (result, error) {
	pause := time.Millisecond
	for {
		state, err := e.engine.ExecInspect(ctx, e.id, client.ExecInspectOptions{})
		if err != nil {
			return result{}, fmt.Errorf("ask how the command ended: %w", err)
		}
		if !state.Running {
			return result{started: state.PID != 0, code: state.ExitCode}, nil
		}
		if err := e.alive(ctx, pause); err != nil {
			return result{}, err
		}
		select {
		case <-ctx.Done():
			return result{}, context.Cause(ctx)
		case <-time.After(pause):
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}

// alive says, from the second of waiting on rarely, whether the container still runs: with it the exec ends unseen.
func (e *execution) alive(ctx context.Context, waited time.Duration) error {
	if waited < 100*time.Millisecond {
		return nil
	}
	inspected, err := e.engine.ContainerInspect(ctx, e.container, client.ContainerInspectOptions{})
	if err != nil {
		return notRunning(err)
	}
	if state := inspected.Container.State; state == nil || !state.Running {
		return fmt.Errorf("the machine stopped while the command ran")
	}
	return nil
}
