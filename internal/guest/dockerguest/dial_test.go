package dockerguest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
)

// echoServer is a server for the guest's perl: it answers each connection with what it reads until the end of input, and then
// with the word "end". Arguments: unix PATH, or tcp PORT.
const echoServer = `use strict; use Socket; my ($net, $to) = @ARGV; my $l; $| = 1;
if ($net eq "unix") { socket($l, PF_UNIX, SOCK_STREAM, 0); bind($l, pack_sockaddr_un($to)) or die $! }
else { socket($l, PF_INET, SOCK_STREAM, 0); bind($l, pack_sockaddr_in($to, INADDR_LOOPBACK)) or die $! }
listen($l, 5) or die $!; print "ready\n"; $SIG{CHLD} = "IGNORE";
while (accept(my $c, $l)) { next if fork; binmode $c;
  while (sysread($c, my $d, 65536)) { my $o = 0; while ($o < length $d) { $o += syswrite($c, $d, length($d) - $o, $o) // exit } }
  syswrite($c, "end"); exit }`

func testDial(t *testing.T, g guest.Guest) {
	if _, err := exec.LookPath("perl"); err != nil {
		dockertest.Missing(t, "the host has no perl to put into the image")
	}
	for network, address := range map[string]string{"tcp": "127.0.0.1:7", "unix": "/tmp/echo.sock"} {
		serve(t, g, network, strings.TrimPrefix(address, "127.0.0.1:"))
		t.Run(network, func(t *testing.T) { testConn(t, g, network, address) })
		t.Run(network+" deadline", func(t *testing.T) { testDeadline(t, g, network, address) })
	}
	t.Run("refused", func(t *testing.T) {
		_, err := g.Dial(t.Context(), "tcp", "127.0.0.1:9")
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v, want ECONNREFUSED", err)
		}
		if _, ok := errors.AsType[*net.OpError](err); !ok {
			t.Errorf("got %T, want a *net.OpError", err)
		}
	})
	t.Run("missing socket", func(t *testing.T) {
		if _, err := g.Dial(t.Context(), "unix", "/tmp/none.sock"); !errors.Is(err, syscall.ENOENT) {
			t.Errorf("got %v, want ENOENT", err)
		}
	})
	t.Run("bad address", func(t *testing.T) {
		for _, address := range []string{"", "localhost", "localhost:http", "localhost:70000"} {
			if _, err := g.Dial(t.Context(), "tcp", address); err == nil {
				t.Errorf("Dial of %q succeeded", address)
			}
		}
		if _, err := g.Dial(t.Context(), "udp", "127.0.0.1:7"); err == nil {
			t.Error("Dial of udp succeeded")
		}
	})
	t.Run("close ends the relay", func(t *testing.T) { testRelayEnds(t, g) })
}

// serve runs the echo server in the guest until the test ends.
func serve(t *testing.T, g guest.Guest, network, to string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready := &firstLine{seen: make(chan string, 1)}
	var complaint bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		ended <- g.Run(ctx, guest.Command{
			User: "root", Argv: []string{"perl", "-e", echoServer, "--", network, to}, Stdout: ready, Stderr: &complaint,
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	select {
	case <-ready.seen:
	case err := <-ended:
		t.Fatalf("the echo server ended: %v %s", err, complaint.String())
	}
}

// testConn: much goes both ways at once, and after CloseWrite what the server still says comes.
func testConn(t *testing.T, g guest.Guest, network, address string) {
	conn, err := g.Dial(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := make([]byte, 5<<20)
	_, _ = rand.Read(sent)
	go func() {
		if _, err := conn.Write(sent); err != nil {
			t.Errorf("write: %v", err)
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Errorf("CloseWrite: %v", err)
		}
	}()
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if want := append(sent, "end"...); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, other than the %d expected", len(got), len(want))
	}
	if _, err := conn.Write([]byte("x")); err == nil {
		t.Error("Write after CloseWrite succeeded")
	}
}

// testDeadline: a read that timed out does not spoil the connection.
func testDeadline(t *testing.T, g guest.Guest, network, address string) {
	conn, err := g.Dial(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := conn.Read(got); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want a timeout", err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello" {
		t.Errorf("got %q %v", got, err)
	}
}

// testRelayEnds: after Close no relay stays in the guest, though the server would wait for ever.
func testRelayEnds(t *testing.T, g guest.Guest) {
	conn, err := g.Dial(t.Context(), "unix", "/tmp/echo.sock")
	if err != nil {
		t.Fatal(err)
	}
	const relays = `set -- $(for p in /proc/[0-9]*; do read -r args <"$p/cmdline" 2>/dev/null; case $args in perl*getaddrinfo*) echo x;; esac; done); echo $#`
	count := func() string {
		var out bytes.Buffer
		cmd := guest.Command{User: "root", Argv: []string{"sh", "-c", relays}, Stdout: &out}
		if err := g.Run(t.Context(), cmd); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out.String())
	}
	if got := count(); got == "0" {
		t.Fatal("no relay is seen while a connection is open")
	}
	_ = conn.Close()
	for deadline := time.Now().Add(20 * time.Second); count() != "0"; {
		if time.Now().After(deadline) {
			t.Fatal("a relay stays")
		}
	}
}
