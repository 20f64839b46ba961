package forward

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
)

// aliveInterval is how often a client is sent an empty frame: the sending fails when it has left.
const aliveInterval = time.Second

// session runs a command or moves a file for a client, over the machine's open connection. The client's going away ends it.
func (s *server) session(conn *net.UnixConn, r *bufio.Reader, q request, answer func(response, error)) {
	m, err := s.machine(q.Machine)
	if err != nil {
		answer(response{}, err)
		return
	}
	g, err := m.open(s.ctx)
	answer(response{}, err)
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	frames := &frameWriter{w: conn}
	input, w := io.Pipe()
	defer func() { _ = input.Close() }() // frees receive, should it wait for the command to read
	resize := make(chan guest.Size, 1)
	s.tasks.Go(func() { receive(r, w, resize, cancel) })
	s.tasks.Go(func() { watchClient(ctx, frames, cancel) })
	s.sessions.Add(1)
	err = perform(ctx, g, q, frames, input, resize)
	s.sessions.Done()
	// A command that was ended because the client left has nobody to tell.
	_ = frames.sendJSON(frameDone, response{Version: protocolVersion, Error: toWire(err)})
}

// perform does what the request says.
func perform(
	ctx context.Context, g *sshguest.Guest, q request, frames *frameWriter, input io.Reader, resize <-chan guest.Size,
) error {
	switch q.Op {
	case "upload":
		return g.Upload(ctx, input, *q.File)
	case "download":
		return g.Download(ctx, q.Path, stream{frames, frameStdout})
	default:
		cmd := q.Command.command()
		cmd.Stdin, cmd.Stdout, cmd.Stderr = input, stream{frames, frameStdout}, stream{frames, frameStderr}
		if cmd.Terminal != nil {
			cmd.Terminal.Resize = resize
		}
		return g.Run(ctx, cmd)
	}
}

// receive takes the client's frames until it leaves, and then cancels.
func receive(r io.Reader, input *io.PipeWriter, resize chan guest.Size, cancel context.CancelFunc) {
	defer cancel()
	for {
		kind, payload, err := readFrame(r)
		if err != nil {
			_ = input.CloseWithError(fmt.Errorf("input cut off: %w", io.ErrUnexpectedEOF))
			return
		}
		switch kind {
		case frameInput:
			_, _ = input.Write(payload) // fails when the command has ended, and is no news then
		case frameInputEnd:
			_ = input.Close()
		case frameResize:
			var size guest.Size
			if json.Unmarshal(payload, &size) == nil {
				offer(resize, size)
			}
		}
	}
}

// offer puts the newest size into the channel, in the place of one that nobody took.
func offer(resize chan guest.Size, size guest.Size) {
	select {
	case <-resize:
	default:
	}
	resize <- size
}

// watchClient cancels when the client has left. Reading alone would not tell while the command does not take its input.
func watchClient(ctx context.Context, frames *frameWriter, cancel context.CancelFunc) {
	ticker := time.NewTicker(aliveInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if frames.send(frameStdout, nil) != nil {
				cancel()
				return
			}
		}
	}
}

// command is the guest.Command without streams.
func (w *wireCommand) command() guest.Command {
	cmd := guest.Command{Dir: string(w.Dir), User: w.User, Env: map[string]string{}}
	for _, arg := range w.Argv {
		cmd.Argv = append(cmd.Argv, string(arg))
	}
	for name, value := range w.Env {
		cmd.Env[name] = string(value)
	}
	if w.OnTTY {
		cmd.Terminal = &guest.Terminal{Type: w.Terminal, Size: w.Size}
	}
	return cmd
}

func toWireCommand(cmd guest.Command) *wireCommand {
	w := &wireCommand{Dir: []byte(cmd.Dir), User: cmd.User, Env: map[string][]byte{}}
	for _, arg := range cmd.Argv {
		w.Argv = append(w.Argv, []byte(arg))
	}
	for name, value := range cmd.Env {
		w.Env[name] = []byte(value)
	}
	if cmd.Terminal != nil {
		w.OnTTY, w.Terminal, w.Size = true, cmd.Terminal.Type, cmd.Terminal.Size
	}
	return w
}

// pause waits a moment before something that failed is tried again; false when ctx ended.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(100 * time.Millisecond):
		return true
	}
}

var errEndedEarly = errors.New("the background process ended")
