package sshguest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/colabo/colabo/internal/guest"
)

const (
	// termGrace is how long a command has to end after SIGTERM, before its session is closed.
	termGrace = 2 * time.Second
	// drainLimit is how long output may pause after the command has ended, before Run stops waiting for its end.
	drainLimit = 3 * time.Second
)

// ErrConnectionLost is an end of the connection while the guest was asked something; what became of it is not known.
var ErrConnectionLost = errors.New("connection to the guest lost")

// Run implements guest.Guest.
//
// The command runs as the login shell's own process, so exit codes and signals are its own. Another user is
// reached through sudo; when sudo does not let us, the error says what sudo said and is no *guest.ExitError.
// A read error of Stdin and a write error of Stdout or Stderr end the command and are returned.
// Run does not wait for Stdin to end, nor for processes that the command left behind with its output open.
// More than 9 commands at once wait for one another.
func (g *Guest) Run(ctx context.Context, cmd guest.Command) error {
	return g.run(ctx, cmd, g.sessions, drainLimit)
}

// run runs a command in a session for which slots has room. drain 0 waits for the output's end however long it takes.
func (g *Guest) run(ctx context.Context, cmd guest.Command, slots chan struct{}, drain time.Duration) error {
	inv, err := invoke(cmd, g.user)
	if err != nil {
		return err
	}
	name := cmd.Argv[0]
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("run %s: %w", name, ctx.Err())
	case <-g.done:
		return fmt.Errorf("run %s: %w", name, ErrConnectionLost)
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	s, err := g.openSession(ctx, cmd, inv, abort, func() { <-slots })
	if err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	defer s.close()
	finished := make(chan error, 1)
	go func() { finished <- s.execute(inv, cmd, drain) }()
	select {
	case err = <-finished:
	case <-ctx.Done():
		g.terminate(s, inv, finished)
		err = ctx.Err()
	}
	if broken, ok := errors.AsType[*streamError](context.Cause(ctx)); ok {
		err = broken
	}
	return s.explain(err, cmd, inv)
}

// terminate ends the command with SIGTERM, and gives it a moment to go.
func (g *Guest) terminate(s *session, inv invocation, finished <-chan error) {
	grace := time.NewTimer(termGrace)
	defer grace.Stop()
	var started <-chan struct{}
	if inv.marked {
		started = s.stderr.started // its process belongs to another user: the server can't signal it
	} else {
		_, _ = s.channel.SendRequest("signal", false, ssh.Marshal(struct{ Signal string }{"TERM"}))
	}
	for {
		select {
		case <-started:
			started = nil
			go g.kill(s.stderr.pid)
		case err := <-finished: // ctx's end is what the caller is told
			g.log.Debug("command ended after cancel", "error", err)
			return
		case <-grace.C:
			return
		}
	}
}

// kill sends SIGTERM to the process group of an elevated command.
func (g *Guest) kill(pid string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	const script = `read -r stat <"/proc/$1/stat" && set -- ${stat##*) } && kill -s TERM -- "-$3"`
	cmd := guest.Command{Argv: []string{"sh", "-c", script, "sh", pid}, User: "root"}
	if err := g.run(ctx, cmd, g.spare, drainLimit); err != nil {
		g.log.Debug("end command in the guest", "pid", pid, "error", err)
	}
}

// explain makes of how a session ended what Run promises.
func (s *session) explain(err error, cmd guest.Command, inv invocation) error {
	exit, ran := errors.AsType[*guest.ExitError](err)
	switch {
	case err == nil:
		return nil
	case ran && inv.marked && !s.stderr.hasStarted():
		return fmt.Errorf("run %s as %s: %s", cmd.Argv[0], cmd.User, strings.TrimSpace(s.stderr.said()))
	case ran:
		exit.Argv = slices.Clone(cmd.Argv)
		return exit
	default:
		return fmt.Errorf("run %s: %w", cmd.Argv[0], err)
	}
}

// streamError is a failure of one of the command's streams on our side.
type streamError struct {
	stream string
	err    error
}

func (e *streamError) Error() string { return e.stream + ": " + e.err.Error() }
func (e *streamError) Unwrap() error { return e.err }

// pump sends r to the command's input and ends that. A failing r ends the command instead: half an input must not
// look like a whole one.
func pump(channel ssh.Channel, r io.Reader, abort context.CancelCauseFunc) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			if _, err := channel.Write(buffer[:n]); err != nil {
				return // the command takes no more, or has ended
			}
		}
		if errors.Is(err, io.EOF) {
			_ = channel.CloseWrite()
			return
		}
		if err != nil {
			abort(&streamError{"read input", err})
			return
		}
	}
}
