package forward_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/guest"
)

func command(argv ...string) guest.Command { return guest.Command{Argv: argv} }

// viaProcess is a machine through a background process.
func viaProcess(t *testing.T) (guest.Guest, *project) {
	t.Helper()
	p := newProject(t)
	p.apply(t)
	return forward.Guest(p.dir, "dev"), p
}

func TestRunThroughTheProcess(t *testing.T) {
	g, p := viaProcess(t)
	var out, complaint bytes.Buffer
	cmd := guest.Command{
		Argv: []string{"sh", "-c", `printf '%s|' "$1" "$A" "$PWD"; cat; echo err >&2; exit 9`, "sh", "a'\xff\n b"},
		Env:  map[string]string{"A": "\xfe$x"}, Dir: p.dir, User: "root",
		Stdin: strings.NewReader("in"), Stdout: &out, Stderr: &complaint,
	}
	err := g.Run(t.Context(), cmd)
	exit, ran := errors.AsType[*guest.ExitError](err)
	if !ran || exit.Code != 9 || len(exit.Argv) != 5 {
		t.Errorf("got %#v", err)
	}
	if want := "a'\xff\n b|\xfe$x|" + p.dir + "|in"; out.String() != want || complaint.String() != "err\n" {
		t.Errorf("got %q and %q, want %q", &out, &complaint, want)
	}
	if err := g.Run(t.Context(), command("true")); err != nil {
		t.Error(err)
	}
	if err := g.Run(t.Context(), guest.Command{}); err == nil {
		t.Error("no argv: no error")
	}
	if n := p.machine.Logins(); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestRunDoesNotWaitForInput(t *testing.T) {
	g, _ := viaProcess(t)
	endless, w := io.Pipe()
	defer w.Close()
	if err := g.Run(t.Context(), guest.Command{Argv: []string{"true"}, Stdin: endless}); err != nil {
		t.Error(err)
	}
}

// TestLeavingEndsTheCommand cancels a command that does not take its input, of which there is plenty.
func TestLeavingEndsTheCommand(t *testing.T) {
	g, _ := viaProcess(t)
	dir := t.TempDir()
	pid := filepath.Join(dir, "pid")
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- g.Run(ctx, guest.Command{
			Argv:  []string{"sh", "-c", `echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep 1000`, pid},
			Stdin: bytes.NewReader(make([]byte, 16<<20)),
		})
	}()
	eventually(t, "the command does not start", func() bool { _, err := os.Stat(pid); return err == nil })
	content, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	eventually(t, "the command goes on", func() bool { return !alive(number) })
}

func TestFilesThroughTheProcess(t *testing.T) {
	g, _ := viaProcess(t)
	content := make([]byte, 5<<20)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := guest.File{Path: filepath.Join(dir, "f"), Mode: 0o600, Owner: strconv.Itoa(os.Getuid()) + ":" + strconv.Itoa(os.Getgid())}
	if err := g.Upload(t.Context(), bytes.NewReader(content), file); err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if err := g.Download(t.Context(), file.Path, &back); err != nil || !bytes.Equal(back.Bytes(), content) {
		t.Errorf("%d bytes came back, %v", back.Len(), err)
	}
	if err := g.Download(t.Context(), file.Path+".no", &back); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	broken := io.MultiReader(bytes.NewReader(content), errorReader{})
	if err := g.Upload(t.Context(), broken, file); !errors.Is(err, errBroken) {
		t.Errorf("broken content: %v", err)
	}
	eventually(t, "the temporary file stays", func() bool {
		entries, err := os.ReadDir(dir)
		return err == nil && len(entries) == 1
	})
	if now, err := os.ReadFile(file.Path); err != nil || !bytes.Equal(now, content) {
		t.Errorf("the file was changed by an upload that failed: %d bytes, %v", len(now), err)
	}
}

type errorReader struct{}

var errBroken = errors.New("broken")

func (errorReader) Read([]byte) (int, error) { return 0, errBroken }

func TestDialThroughTheProcess(t *testing.T) {
	g, p := viaProcess(t)
	conn, err := g.Dial(t.Context(), "tcp", service(t, "one"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	say(t, conn, "one")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != "one: goodbye\n" {
		t.Errorf("after our end: %q, %v", rest, err)
	}
	if _, err := g.Dial(t.Context(), "tcp", freePort(t)); err == nil || errors.Is(err, forward.ErrNotRunning) {
		t.Errorf("nobody listens: %v", err)
	}
	if _, err := forward.Dial(t.Context(), p.dir, "other", "tcp", "127.0.0.1:1"); !errors.Is(err, forward.ErrNotRunning) {
		t.Errorf("unknown machine: %v", err)
	}
}

func TestProcessThatDiesIsAnError(t *testing.T) {
	g, p := viaProcess(t)
	out, w := io.Pipe()
	result := make(chan error, 1)
	go func() {
		result <- g.Run(t.Context(), guest.Command{Argv: []string{"sh", "-c", "echo; exec sleep 1000"}, Stdout: w})
	}()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := forward.Stop(t.Context(), p.dir); err != nil {
		t.Fatal(err)
	}
	err := <-result
	if _, ran := errors.AsType[*guest.ExitError](err); err == nil || ran {
		t.Errorf("got %v", err)
	}
}

func TestTerminalThroughTheProcess(t *testing.T) {
	g, _ := viaProcess(t)
	resize := make(chan guest.Size)
	out, w := io.Pipe()
	result := make(chan error, 1)
	go func() {
		result <- g.Run(t.Context(), guest.Command{
			Argv: []string{"bash", "-c", `trap 'stty size; exit 5' WINCH; stty size; while :; do sleep 0.05; done`}, Stdout: w,
			Terminal: &guest.Terminal{Type: "xterm", Size: guest.Size{Columns: 91, Rows: 17}, Resize: resize},
		})
		_ = w.Close()
	}()
	first := make([]byte, len("17 91\r\n"))
	if _, err := io.ReadFull(out, first); err != nil || string(first) != "17 91\r\n" {
		t.Fatalf("%q, %v", first, err)
	}
	resize <- guest.Size{Columns: 120, Rows: 40}
	rest, err := io.ReadAll(out)
	if err != nil || string(rest) != "40 120\r\n" {
		t.Errorf("%q, %v", rest, err)
	}
	if exit, ran := errors.AsType[*guest.ExitError](<-result); !ran || exit.Code != 5 {
		t.Errorf("ended with %v", exit)
	}
}

// BenchmarkThroughput compares a forward with the direct connection.
func BenchmarkThroughput(b *testing.B) {
	const size = 64 << 20
	source, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	go func() {
		for {
			conn, err := source.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = conn.Write(make([]byte, size)); _ = conn.Close() }()
		}
	}()
	p := newProject(b)
	forwarded := p.add(b, source.Addr().String())
	p.apply(b)
	for name, address := range map[string]string{"direct": source.Addr().String(), "forward": forwarded} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				conn, err := net.DialTimeout("tcp", address, time.Second)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, conn); err != nil || n != size {
					b.Fatalf("%d bytes, %v", n, err)
				}
				_ = conn.Close()
			}
		})
	}
}
