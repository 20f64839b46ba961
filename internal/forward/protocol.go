package forward

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/colabo/colabo/internal/guest"
)

// protocolVersion is sent with each request. A background process of another version is replaced.
const protocolVersion = 1

// request is the first line of a control connection, JSON. A response line follows. Then the connection carries what
// the operation needs: the bytes of a dialled socket, or frames.
type request struct {
	Version int          `json:"version"`
	Op      string       `json:"op"` // apply, status, stop, dial, run, upload, download
	Config  *Config      `json:"config,omitempty"`
	Machine string       `json:"machine,omitempty"`
	Network string       `json:"network,omitempty"`
	Address string       `json:"address,omitempty"`
	Command *wireCommand `json:"command,omitempty"`
	File    *guest.File  `json:"file,omitempty"`
	Path    string       `json:"path,omitempty"`
}

// wireCommand is a guest.Command without its streams.
type wireCommand struct {
	Argv     [][]byte          `json:"argv"` // bytes, as JSON strings hold only UTF-8
	Env      map[string][]byte `json:"env,omitempty"`
	Dir      []byte            `json:"dir,omitempty"`
	User     string            `json:"user,omitempty"`
	Terminal string            `json:"terminal,omitempty"` // $TERM
	OnTTY    bool              `json:"on_tty,omitempty"`
	Size     guest.Size        `json:"size"`
}

// response is the answer to a request, or the end of an operation.
type response struct {
	Version int        `json:"version"`
	Error   *wireError `json:"error,omitempty"`
	Result  *Result    `json:"result,omitempty"`
	Status  *Status    `json:"status,omitempty"`
}

// wireError carries an error with what callers branch on.
type wireError struct {
	Message string `json:"message"`
	Kind    string `json:"kind,omitempty"` // exit, not-exist, no-machine, version
	Code    int    `json:"code,omitempty"`
	Signal  string `json:"signal,omitempty"`
}

var errVersion = errors.New("the background process is of another version of the program")

func toWire(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Message: err.Error()}
	exit, ran := errors.AsType[*guest.ExitError](err)
	switch {
	case ran:
		w.Kind, w.Code, w.Signal = "exit", exit.Code, exit.Signal
	case errors.Is(err, fs.ErrNotExist):
		w.Kind = "not-exist"
	case errors.Is(err, ErrNotRunning):
		w.Kind = "no-machine"
	case errors.Is(err, errVersion):
		w.Kind = "version"
	}
	return w
}

// err is the error on the client's side.
func (w *wireError) err() error {
	if w == nil {
		return nil
	}
	sentinels := map[string]error{"not-exist": fs.ErrNotExist, "no-machine": ErrNotRunning, "version": errVersion}
	if w.Kind == "exit" {
		return &remoteError{w.Message, &guest.ExitError{Code: w.Code, Signal: w.Signal}}
	}
	return &remoteError{w.Message, sentinels[w.Kind]}
}

// remoteError is an error of the background process, in its words.
type remoteError struct {
	message string
	kind    error
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.kind }

func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// lineLimit bounds a request and a response: a Config of thousands of forwards fits.
const lineLimit = 8 << 20

func readLine(r *bufio.Reader, v any) error {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > lineLimit {
			return errors.New("message too long")
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(line, v)
	}
}

// The kinds of frames: a byte, then the length as four bytes, then that much.
const (
	frameInput    = 'i'
	frameInputEnd = 'e' // the input was read to its end; without it, it was cut off
	frameResize   = 'w' // a guest.Size
	frameStdout   = 'o'
	frameStderr   = 'r'
	frameDone     = 'x' // a response
)

const frameLimit = 64 << 10

// frameWriter sends frames; it may be used by several goroutines.
type frameWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (f *frameWriter) send(kind byte, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for first := true; first || len(payload) > 0; first = false {
		part := payload[:min(len(payload), frameLimit)]
		payload = payload[len(part):]
		frame := make([]byte, 5, 5+len(part))
		frame[0] = kind
		binary.BigEndian.PutUint32(frame[1:], uint32(len(part)))
		if _, err := f.w.Write(append(frame, part...)); err != nil {
			return err
		}
	}
	return nil
}

func (f *frameWriter) sendJSON(kind byte, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(payload) > frameLimit {
		return fmt.Errorf("message of %d bytes is too long", len(payload))
	}
	return f.send(kind, payload)
}

// stream is a writer whose bytes go out as frames of one kind.
type stream struct {
	frames *frameWriter
	kind   byte
}

func (s stream) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.frames.send(s.kind, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func readFrame(r io.Reader) (kind byte, payload []byte, err error) {
	var header [5]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(header[1:])
	if size > frameLimit {
		return 0, nil, fmt.Errorf("frame of %d bytes", size)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(r, payload)
	return header[0], payload, err
}

// pumpInput sends an input as frames until it ends, and says so only when it ended well.
func pumpInput(frames *frameWriter, input io.Reader, abort context.CancelCauseFunc) {
	_, err := io.Copy(stream{frames, frameInput}, errReader{input, abort})
	if err == nil {
		_ = frames.send(frameInputEnd, nil)
	}
}

// errReader tells abort of a read that failed; a failed write is the other side's end and no news.
type errReader struct {
	r     io.Reader
	abort context.CancelCauseFunc
}

func (e errReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		e.abort(&streamError{"read input", err})
	}
	return n, err
}

// streamError is a failure of a stream of the caller's.
type streamError struct {
	stream string
	err    error
}

func (e *streamError) Error() string { return e.stream + ": " + e.err.Error() }
func (e *streamError) Unwrap() error { return e.err }
