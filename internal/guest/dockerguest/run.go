package dockerguest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
)

// lastWords is how long a command that was told to end may take to do so before the connection to it is cut.
const lastWords = 2 * time.Second

// errNoShell: the container has no /bin/sh to run the launcher with.
var errNoShell = errors.New("no " + shell + " in the guest")

// Run implements guest.Guest. The exec API cannot send a signal, so when ctx ends a second exec sends SIGTERM to the
// command's process group (SIGHUP too where it has a terminal); without a shell in the guest nothing can, and
// only the connection is cut. A command that does not exist is exit status 127, one that cannot be executed 126.
func (g *Guest) Run(ctx context.Context, cmd guest.Command) error {
	if len(cmd.Argv) == 0 || cmd.Argv[0] == "" {
		return errors.New("run: empty command")
	}
	ctx, cancel, err := g.bound(ctx)
	if err != nil {
		return fmt.Errorf("run %s: %w", cmd.Argv[0], err)
	}
	defer cancel()
	if !g.noShell.Load() {
		err = g.runLaunched(ctx, cmd)
		if !errors.Is(err, errNoShell) {
			return describe(err, cmd)
		}
		g.noShell.Store(true)
	}
	return describe(g.runBare(ctx, cmd), cmd)
}

// describe names the command in an error that is not about how it ended.
func describe(err error, cmd guest.Command) error {
	if exit, ok := errors.AsType[*guest.ExitError](err); ok || err == nil {
		if ok {
			return exit
		}
		return nil
	}
	return fmt.Errorf("run %s: %w", cmd.Argv[0], err)
}

// runLaunched runs a command through the launcher. It returns errNoShell, having run nothing and read nothing from
// cmd.Stdin, when there is no shell.
func (g *Guest) runLaunched(ctx context.Context, cmd guest.Command) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	exec, err := g.execute(ctx, g.launched(cmd))
	if err != nil {
		return err
	}
	defer exec.Close()
	out := newOpening(writerOrDiscard(cmd.Stdout))
	copied := exec.startCopy(out, cmd.Stderr)
	select {
	case pid := <-out.pid:
		exec.serve(ctx, cancel, cmd)
		return g.finish(ctx, exec, cmd, copied, pid)
	case <-copied.done:
	case <-ctx.Done(): // it is being started: its process id is needed to end it
		select {
		case pid := <-out.pid:
			return g.finish(ctx, exec, cmd, copied, pid)
		case <-copied.done:
		case <-time.After(lastWords):
			exec.Close()
			<-copied.done
		}
	}
	select {
	case pid := <-out.pid: // it has ended already
		return g.finish(ctx, exec, cmd, copied, pid)
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if copied.err != nil {
		return copied.err
	}
	return g.refused(ctx, exec, cmd, out.refusal())
}

// runBare runs a command without the launcher: in the image's working directory, with what the engine sets of the environment.
func (g *Guest) runBare(ctx context.Context, cmd guest.Command) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	exec, err := g.execute(ctx, g.options(cmd))
	if err != nil {
		return err
	}
	defer exec.Close()
	out := &withheld{next: writerOrDiscard(cmd.Stdout)}
	copied := exec.startCopy(out, cmd.Stderr)
	exec.serve(ctx, cancel, cmd)
	select {
	case <-copied.done:
	case <-ctx.Done():
		exec.Close()
		<-copied.done
		return context.Cause(ctx)
	}
	if copied.err != nil {
		return copied.err
	}
	end, err := exec.wait(ctx)
	if err != nil {
		return err
	}
	if !end.started {
		return startError(cmd, end.code, out.text.String())
	}
	if err := out.flush(); err != nil {
		return err
	}
	return exitError(cmd, end.code)
}

// serve feeds the command's input and follows the terminal's size until ctx ends; an input that cannot be read cancels ctx.
// A reader of cmd.Stdin that blocks is left behind; it ends with its next read.
func (e *execution) serve(ctx context.Context, cancel context.CancelCauseFunc, cmd guest.Command) {
	if cmd.Stdin != nil {
		go func() {
			input := &watched{Reader: cmd.Stdin}
			_, err := io.Copy(e.Conn, input)
			if input.err != nil {
				cancel(fmt.Errorf("read the command's input: %w", input.err))
			} else if err == nil {
				e.endInput(cmd.Terminal != nil)
			}
		}()
	}
	if cmd.Terminal != nil {
		go e.follow(ctx, cmd.Terminal)
	}
}

// endInput tells the command that there is no more input. On a terminal that is said by its end-of-file character: an
// engine whose client closes its side ends the whole connection there, and output that is still to come would be lost.
func (e *execution) endInput(onTerminal bool) {
	if onTerminal {
		_, _ = e.Conn.Write([]byte{endOfTransmission}) // a connection that is gone has nobody to tell
		return
	}
	_ = e.CloseWrite()
}

// endOfTransmission is the end-of-file character of a terminal, Ctrl-D, unless a program changes it; see termios(3).
const endOfTransmission = 4

// watched remembers how reading failed, which io.Copy does not tell from a failed write.
type watched struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// follow gives the terminal its size now and at each change. An engine that is not ready for it yet is asked again.
func (e *execution) follow(ctx context.Context, terminal *guest.Terminal) {
	size, changed := terminal.Size, true
	retry := 10 * time.Millisecond
	for {
		var again <-chan time.Time
		if changed && size.Rows > 0 && size.Columns > 0 {
			options := client.ExecResizeOptions{Height: uint(size.Rows), Width: uint(size.Columns)}
			if _, err := e.engine.ExecResize(ctx, e.id, options); err != nil {
				again = time.After(retry)
				retry = min(2*retry, time.Second)
			} else {
				changed = false
			}
		}
		select {
		case <-ctx.Done():
			return
		case next, open := <-terminal.Resize:
			if !open {
				terminal = &guest.Terminal{}
				continue
			}
			size, changed = next, true
		case <-again:
		}
	}
}

// finish waits until a launched command has ended, or ends it when ctx does.
func (g *Guest) finish(ctx context.Context, exec *execution, cmd guest.Command, copied *copying, pid int) error {
	select {
	case <-copied.done:
	case <-ctx.Done():
		g.terminate(ctx, pid, cmd)
		copied.waitOrCut(exec)
		return context.Cause(ctx)
	}
	if copied.err != nil {
		g.terminate(ctx, pid, cmd)
		return fmt.Errorf("hand on the command's output: %w", copied.err)
	}
	end, err := exec.wait(ctx)
	if err != nil {
		if ctx.Err() != nil {
			g.terminate(ctx, pid, cmd)
		}
		return err
	}
	return exitError(cmd, end.code)
}

// terminate sends SIGTERM to the process group pid. There is nobody to tell when it can't.
func (g *Guest) terminate(ctx context.Context, pid int, cmd guest.Command) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	text := `kill -s TERM -- "-$1" || kill -s TERM "$1"`
	if cmd.Terminal != nil {
		text += `; kill -s HUP -- "-$1" || kill -s HUP "$1"`
	}
	exec, err := g.execute(ctx, client.ExecCreateOptions{
		User: "root", AttachStdout: true, Cmd: script(text, fmt.Sprint(pid)),
	})
	if err != nil {
		return
	}
	defer exec.Close()
	defer context.AfterFunc(ctx, exec.Close)()
	_ = exec.copyOutput(io.Discard, io.Discard)
}

// refused is why the engine did not start the launcher, given its text.
func (g *Guest) refused(ctx context.Context, exec *execution, cmd guest.Command, text string) error {
	end, err := exec.wait(ctx)
	if err != nil {
		return err
	}
	if end.started { // the shell ran and was ended before it said anything
		return exitError(cmd, end.code)
	}
	if (end.code == 127 || end.code == 126) && strings.Contains(text, shell) {
		return errNoShell
	}
	return startError(cmd, end.code, text)
}

// startError is the error for a command that the engine did not start, given its exit status and the engine's text. Where
// there is no such command it is the status that a shell gives, which not every engine does.
func startError(cmd guest.Command, code int, text string) error {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "exec: ") && (code == 127 || code == 126) {
		if cmd.Stderr != nil {
			_, _ = fmt.Fprintln(cmd.Stderr, text)
		}
		if strings.Contains(text, "no such file or directory") || strings.Contains(text, "not found") {
			code = 127
		}
		return exitError(cmd, code)
	}
	if text == "" {
		text = fmt.Sprintf("the engine did not start it (status %d)", code)
	}
	return errors.New(text)
}

// exitError is nil for status 0.
func exitError(cmd guest.Command, code int) error {
	if code == 0 {
		return nil
	}
	return &guest.ExitError{Argv: cmd.Argv, Code: code}
}
