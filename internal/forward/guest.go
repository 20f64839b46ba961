package forward

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"unicode/utf8"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
)

// Guest returns a machine as reached over the background process's open connection, which saves a login. Nothing is
// connected yet; each operation fails with ErrNotRunning when there is no process or it does not know the machine.
// Closing it does nothing: the connection belongs to the background process.
func Guest(dir, machine string) guest.Guest { return remote{dir, machine} }

// Dial connects to a socket as seen from inside a machine, over the background process's open connection. network is
// "tcp" or "unix". ErrNotRunning when there is no process or it does not know the machine.
// The connection can be closed for writing (CloseWrite).
func Dial(ctx context.Context, dir, machine, network, address string) (net.Conn, error) {
	conn, r, err := ask(ctx, dir, request{Op: "dial", Machine: machine, Network: network, Address: address}, new(response))
	if err != nil {
		return nil, unusable(err)
	}
	return readerConn{conn, r}, nil
}

// unusable makes an ErrNotRunning of a process that does not serve us, so that callers connect by themselves.
func unusable(err error) error {
	if errors.Is(err, errUnreachable) || errors.Is(err, errVersion) {
		return fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	return err
}

type remote struct{ dir, machine string }

// Run implements guest.Guest.
func (g remote) Run(ctx context.Context, cmd guest.Command) error {
	if len(cmd.Argv) == 0 {
		return errors.New("run command: no program named")
	}
	err := g.session(ctx, request{Op: "run", Command: toWireCommand(cmd)}, cmd)
	if exit, ran := errors.AsType[*guest.ExitError](err); ran {
		return &guest.ExitError{Argv: cmd.Argv, Code: exit.Code, Signal: exit.Signal}
	}
	return err
}

// Upload implements guest.Guest.
func (g remote) Upload(ctx context.Context, content io.Reader, file guest.File) error {
	if !utf8.ValidString(file.Path) {
		return fmt.Errorf("upload %q: the path is not UTF-8", file.Path)
	}
	return g.session(ctx, request{Op: "upload", File: &file}, guest.Command{Stdin: content})
}

// Download implements guest.Guest.
func (g remote) Download(ctx context.Context, path string, w io.Writer) error {
	if !utf8.ValidString(path) {
		return fmt.Errorf("download %q: the path is not UTF-8", path)
	}
	return g.session(ctx, request{Op: "download", Path: path}, guest.Command{Stdout: w})
}

// Dial implements guest.Guest.
func (g remote) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return Dial(ctx, g.dir, g.machine, network, address)
}

// Close implements guest.Guest.
func (g remote) Close() error { return nil }

// session makes a request that goes on with frames, with the streams of cmd.
func (g remote) session(ctx context.Context, q request, cmd guest.Command) error {
	q.Machine = g.machine
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	conn, r, err := ask(ctx, g.dir, q, new(response))
	if err != nil {
		return unusable(err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	frames := &frameWriter{w: conn}
	if cmd.Stdin == nil {
		if err := frames.send(frameInputEnd, nil); err != nil {
			return fmt.Errorf("%w: %w", sshguest.ErrConnectionLost, err)
		}
	} else {
		go pumpInput(frames, cmd.Stdin, abort)
	}
	if cmd.Terminal != nil && cmd.Terminal.Resize != nil {
		go followSize(ctx, frames, cmd.Terminal.Resize)
	}
	err = receiveOutput(r, cmd.Stdout, cmd.Stderr)
	if broken, ok := errors.AsType[*streamError](context.Cause(ctx)); ok {
		return broken
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func followSize(ctx context.Context, frames *frameWriter, sizes <-chan guest.Size) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, more := <-sizes:
			if !more || frames.sendJSON(frameResize, size) != nil {
				return
			}
		}
	}
}

// receiveOutput passes output on until the operation is done, and returns its error.
func receiveOutput(r *bufio.Reader, stdout, stderr io.Writer) error {
	for {
		kind, payload, err := readFrame(r)
		if err != nil {
			return fmt.Errorf("%w: %w", sshguest.ErrConnectionLost, errEndedEarly)
		}
		w := stdout
		switch kind {
		case frameDone:
			var end response
			if err := json.Unmarshal(payload, &end); err != nil {
				return fmt.Errorf("read the background process's answer: %w", err)
			}
			return end.Error.err()
		case frameStderr:
			w = stderr
		}
		if w == nil || len(payload) == 0 {
			continue
		}
		if _, err := w.Write(payload); err != nil {
			return &streamError{"write output", err}
		}
	}
}

// ask makes a request and reads the answer. The connection, for what follows, is returned only without an error.
func ask(ctx context.Context, dir string, q request, a *response) (*net.UnixConn, *bufio.Reader, error) {
	conn, err := dialControl(ctx, dir)
	if errors.Is(err, errUnreachable) && dying(ctx, dir) {
		err = ErrNotRunning
	}
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	q.Version = protocolVersion
	r := bufio.NewReader(conn)
	err = writeLine(conn, q)
	if err == nil {
		err = readLine(r, a)
	}
	if err != nil {
		err = fmt.Errorf("ask the background process: %w", err)
	}
	if !stop() {
		err = ctx.Err()
	} else if err != nil && dying(ctx, dir) {
		err = ErrNotRunning
	}
	if err == nil {
		err = a.Error.err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, r, nil
}

// dying reports whether the process that did not answer is gone, or is so in a moment.
func dying(ctx context.Context, dir string) bool {
	ctx, cancel := context.WithTimeout(ctx, 20*pollInterval)
	defer cancel()
	return awaitGone(ctx, dir) == nil
}
