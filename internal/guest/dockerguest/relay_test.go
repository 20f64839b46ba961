package dockerguest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/colabo/colabo/internal/guest"
)

// TestRelays runs the relays on this host, as the guest would: both speak the same protocol.
func TestRelays(t *testing.T) {
	for name, argv := range map[string][]string{
		"perl":    {"perl", "-e", perlRelay, "--"},
		"python3": {"python3", "-c", pythonRelay},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(argv[0]); err != nil {
				t.Skipf("the host has no %s", argv[0])
			}
			t.Run("both ways", func(t *testing.T) { testRelayCopies(t, argv) })
			t.Run("lost input ends it", func(t *testing.T) { testRelayLost(t, argv) })
			t.Run("refused", func(t *testing.T) { testRelayRefused(t, argv) })
			t.Run("unknown host", func(t *testing.T) {
				line := relayLine(t, append(argv, "tcp", "colabo.invalid", "80"))
				if !strings.HasPrefix(line, "-0 ") {
					t.Errorf("the relay says %q", line)
				}
			})
		})
	}
}

// listening returns a server that reads to the end of input, and then sends back what it read.
func listening(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				content, _ := io.ReadAll(conn)
				_, _ = conn.Write(content)
			}()
		}
	}()
	return listener
}

// relayTo starts a relay to the listener.
func relayTo(t *testing.T, argv []string, to net.Listener) (*exec.Cmd, io.WriteCloser, io.Reader) {
	t.Helper()
	args, err := relayArguments(to.Addr().Network(), to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	argv = append(argv[:len(argv):len(argv)], args...)
	relay := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	stdin, err := relay.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := relay.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := relay.Start(); err != nil {
		t.Fatal(err)
	}
	greeting := make([]byte, 2)
	if _, err := io.ReadFull(stdout, greeting); err != nil || string(greeting) != "+\n" {
		t.Fatalf("the relay says %q, %v", greeting, err)
	}
	return relay, stdin, stdout
}

func testRelayCopies(t *testing.T, argv []string) {
	for _, listener := range []net.Listener{
		listening(t, "tcp", "127.0.0.1:0"), listening(t, "unix", filepath.Join(t.TempDir(), "s")),
	} {
		relay, stdin, stdout := relayTo(t, argv, listener)
		sent := bytes.Repeat([]byte("\x00\n\r\xff+-"), 200_000)
		go func() {
			for part := range slices.Chunk(sent, 70_001) {
				_, _ = stdin.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
				_, _ = stdin.Write(part)
			}
			_, _ = stdin.Write(make([]byte, 4))
		}()
		got, err := io.ReadAll(stdout)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes came back of %d, %v", len(got), len(sent), err)
		}
		_ = relay.Wait()
	}
}

// testRelayLost: input that ends without its end mark means that nobody listens any more.
func testRelayLost(t *testing.T, argv []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			accepted <- conn
		}
	}()
	relay, stdin, _ := relayTo(t, argv, listener)
	conn := <-accepted
	defer conn.Close()
	_ = stdin.Close()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the server got something")
	} else if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Error("the relay holds the connection")
	}
	_ = relay.Wait()
}

func testRelayRefused(t *testing.T, argv []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	for want, args := range map[string][]string{"-111 ": {"tcp", host, port}, "-2 ": {"unix", filepath.Join(t.TempDir(), "none")}} {
		if line := relayLine(t, append(argv[:len(argv):len(argv)], args...)); !strings.HasPrefix(line, want) {
			t.Errorf("the relay says %q, want %q", line, want)
		}
	}
}

// relayLine is what a relay says that can't connect.
func relayLine(t *testing.T, argv []string) string {
	t.Helper()
	output, _ := exec.CommandContext(t.Context(), argv[0], argv[1:]...).Output()
	return string(output)
}

// TestOpening: the process id is taken off however the output is cut into pieces; what is no process id is the refusal.
func TestOpening(t *testing.T) {
	for name, pieces := range map[string][]string{
		"whole":    {"123\nhello\n"},
		"terminal": {"123\r\nhello\n"},
		"bytes":    {"1", "2", "3", "\n", "hel", "lo\n"},
		"apart":    {"123\n", "hello\n"},
	} {
		var out bytes.Buffer
		o := newOpening(&out)
		for _, piece := range pieces {
			if _, err := o.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case pid := <-o.pid:
			if pid != 123 || out.String() != "hello\n" {
				t.Errorf("%s: process %d, output %q", name, pid, out.String())
			}
		default:
			t.Errorf("%s: no process id", name)
		}
	}
	var out bytes.Buffer
	o := newOpening(&out)
	_, _ = o.Write([]byte("OCI runtime exec failed: no\r\n"))
	if out.Len() > 0 || len(o.pid) > 0 || o.refusal() != "OCI runtime exec failed: no" {
		t.Errorf("output %q, refusal %q", out.String(), o.refusal())
	}
}

// TestWithheld: output goes through at once unless it begins as the engine's message.
func TestWithheld(t *testing.T) {
	for text, want := range map[string]string{
		"hello": "hello", "OCI": "", "OCI runtime exec failed: x": "", "OCI image": "OCI image", "unable to find user x": "",
	} {
		var out bytes.Buffer
		w := &withheld{next: &out}
		for _, c := range []byte(text) {
			if _, err := w.Write([]byte{c}); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != want {
			t.Errorf("%q: %q went through, want %q", text, out.String(), want)
		}
		if err := w.flush(); err != nil || out.String() != text {
			t.Errorf("%q: %q after flush, %v", text, out.String(), err)
		}
	}
}

// TestPieces: content is framed, its end is marked, and content that breaks off has no end mark.
func TestPieces(t *testing.T) {
	for content, want := range map[string]string{"": "0\n", "abc": "3\nabc0\n"} {
		got, err := io.ReadAll(iotest.OneByteReader(&pieces{content: strings.NewReader(content)}))
		if err != nil || string(got) != want {
			t.Errorf("%q: %q %v", content, got, err)
		}
	}
	cause := errors.New("broke")
	broken := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(cause))
	got, err := io.ReadAll(&pieces{content: broken})
	if !errors.Is(err, cause) || strings.HasSuffix(string(got), "0\n") {
		t.Errorf("%q %v", got, err)
	}
	long := bytes.Repeat([]byte("x"), 2*pieceSize+1)
	got, err = io.ReadAll(&pieces{content: bytes.NewReader(long)})
	if err != nil || len(got) != len("1048576\n1048576\n1\n0\n")+len(long) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestFrames: payload of stdout comes through in any cut, stderr is kept apart, and a timeout in a header does no harm.
func TestFrames(t *testing.T) {
	frame := func(kind byte, text string) string {
		return string(binary.BigEndian.AppendUint32([]byte{kind, 0, 0, 0}, uint32(len(text)))) + text
	}
	stream := frame(1, "he") + frame(2, "oops") + frame(1, "") + frame(1, "llo")
	for name, from := range map[string]io.Reader{
		"whole": strings.NewReader(stream), "bytes": iotest.OneByteReader(strings.NewReader(stream)),
	} {
		f := &frames{from: from}
		got, err := io.ReadAll(f)
		if err != nil || string(got) != "hello" || f.complain.String() != "oops" {
			t.Errorf("%s: %q %q %v", name, got, f.complain.String(), err)
		}
	}
	f := &frames{from: iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(frame(1, "x"))))}
	buf := make([]byte, 1)
	if _, err := f.Read(buf); !errors.Is(err, iotest.ErrTimeout) {
		t.Fatalf("got %v", err)
	}
	if _, err := f.Read(buf); err != nil || buf[0] != 'x' {
		t.Errorf("after the timeout: %q %v", buf, err)
	}
}

// TestLaunched: the exec of a command, hostile values included.
func TestLaunched(t *testing.T) {
	g := New(nil, "c", "dev")
	hostile := "a'b\"c $(id)\n`x`"
	o := g.launched(guest.Command{
		Argv: []string{"echo", hostile}, Env: map[string]string{"B": hostile, "A": "1"}, Dir: "/srv/" + hostile,
		Terminal: &guest.Terminal{Type: "xterm", Size: guest.Size{Columns: 80, Rows: 24}},
	})
	want := []string{"/bin/sh", "-c", launcher, "sh", "dev", "/srv/" + hostile, "24", "80", "echo", hostile}
	if strings.Join(o.Cmd, "\x00") != strings.Join(want, "\x00") {
		t.Errorf("Cmd is %q", o.Cmd)
	}
	if got := strings.Join(o.Env, "|"); got != "USER=dev|LOGNAME=dev|TERM=xterm|A=1|B="+hostile {
		t.Errorf("Env is %q", got)
	}
	if o.User != "dev" || !o.TTY || o.AttachStdin || o.AttachStderr || o.WorkingDir != "" {
		t.Errorf("options are %+v", o)
	}
	for _, user := range []string{"1000", "a:b", "a b", "$(id)", "-x", "", "a/b"} {
		if got := accountName(user); got != "" {
			t.Errorf("%q is taken for the account %q", user, got)
		}
	}
}
