package providertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// testGuest boots one machine, uses its guest in every way, and restarts it.
func (s *suite) testGuest(t *testing.T) {
	spec := s.spec(t, s.project(t, "guest"), "web")
	if s.p.Features().PublishesPorts {
		spec.Ports = []providers.Port{{Host: freePort(t), Guest: GuestPort, Address: "127.0.0.1", Protocol: "tcp"}}
	}
	s.create(t, spec)
	g := s.boot(t, spec)
	t.Run("run", func(t *testing.T) { s.testRun(t, spec, g) })
	t.Run("files", func(t *testing.T) { s.testFiles(t, spec, g) })
	t.Run("sockets", func(t *testing.T) { s.testSockets(t, spec, g) })

	t.Run("restart keeps the disk", func(t *testing.T) {
		must(t, g.Upload(s.ctx(t), strings.NewReader("kept"), guest.File{Path: keptFile}), "Upload")
		must(t, g.Run(s.ctx(t), guest.Command{Argv: []string{"sync"}, User: "root"}), "sync")
		_ = g.Close()
		must(t, s.p.Stop(s.ctx(t), spec.ID, time.Minute), "Stop with grace")
		s.wantState(t, spec.ID, providers.Stopped)
		again := s.boot(t, spec)
		defer again.Close()
		var got bytes.Buffer
		must(t, again.Download(s.ctx(t), keptFile, &got), "Download after the restart")
		if got.String() != "kept" {
			t.Errorf("the file holds %q after the restart", got.String())
		}
	})
}

// keptFile must survive a restart.
const keptFile = "/var/lib/colabo-contract/kept"

// boot starts the machine, waits for its guest and checks what Inspect then says.
func (s *suite) boot(t *testing.T, spec providers.Spec) guest.Guest {
	t.Helper()
	begin := time.Now()
	must(t, s.p.Start(s.ctx(t), spec.ID), "Start")
	g := s.Guest(t, s.p, spec)
	t.Logf("start to guest: %.1fs", time.Since(begin).Seconds())
	status := s.wantState(t, spec.ID, providers.Running)
	if status.Address != "" && net.ParseIP(status.Address) == nil {
		t.Errorf("Address is %q, want an IP address", status.Address)
	}
	if status.Address == "" && s.p.Features().CloudInit {
		t.Error("Address is empty, though the guest answers by ssh")
	}
	return g
}

// testSockets: Dial reaches what listens inside the guest; published ports reach it from the host.
func (s *suite) testSockets(t *testing.T, spec providers.Spec, g guest.Guest) {
	services := s.Services
	if services == nil {
		services = socketActivated
	}
	list := services(t, g)
	for _, service := range list {
		t.Run("dial "+service.Network, func(t *testing.T) {
			conn, err := g.Dial(s.ctx(t), service.Network, service.Address)
			must(t, err, "Dial "+service.Address)
			wantEcho(t, conn)
		})
	}
	t.Run("dial a closed port", func(t *testing.T) {
		if conn, err := g.Dial(s.ctx(t), "tcp", "127.0.0.1:1"); err == nil {
			conn.Close()
			t.Error("Dial of a port where nobody listens succeeded")
		}
	})
	t.Run("dial a missing unix socket", func(t *testing.T) {
		if conn, err := g.Dial(s.ctx(t), "unix", "/run/colabo-contract-none.sock"); err == nil {
			conn.Close()
			t.Error("Dial of a socket that is not there succeeded")
		}
	})
	if !s.p.Features().PublishesPorts {
		return
	}
	t.Run("published port", func(t *testing.T) {
		status := s.wantState(t, spec.ID, providers.Running)
		if len(status.Ports) != 1 || status.Ports[0] != spec.Ports[0] {
			t.Errorf("Ports are %v, want %v", status.Ports, spec.Ports)
		}
		conn, err := net.DialTimeout("tcp", hostPort(spec.Ports[0]), 10*time.Second)
		must(t, err, "dial the published port")
		wantEcho(t, conn)
	})
}

// wantEcho writes to the connection, wants the same back, and closes it.
func wantEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	defer conn.Close()
	// A connection through ssh has no deadlines: closing it is what ends a read that hangs.
	timer := time.AfterFunc(30*time.Second, func() { conn.Close() })
	defer timer.Stop()
	sent := bytes.Repeat([]byte("colabo\x00\xff\n"), 1000)
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(sent)
		written <- err
	}()
	got := make([]byte, len(sent))
	_, err := io.ReadFull(conn, got)
	must(t, err, "read the echo")
	must(t, <-written, "write")
	if !bytes.Equal(got, sent) {
		t.Error("what came back is not what was sent")
	}
}

// socketActivated lets systemd-socket-activate of the guest run cat on two sockets, as the login user: whose sockets may
// be dialled is the guest's business.
func socketActivated(t *testing.T, g guest.Guest) []Service {
	t.Helper()
	const path = "/tmp/colabo-contract.sock"
	listen := map[string]string{"tcp": "0.0.0.0:9977", "unix": path}
	services := []Service{{"tcp", "127.0.0.1:9977"}, {"unix", path}}
	for _, service := range services {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			defer close(ended)
			ended <- g.Run(ctx, guest.Command{Argv: []string{
				"systemd-socket-activate", "--accept", "--inetd", "-l", listen[service.Network], "cat",
			}})
		}()
		t.Cleanup(func() {
			cancel()
			select {
			case err := <-ended:
				t.Logf("the echo service on %s ended: %v", service.Address, err)
			case <-time.After(30 * time.Second):
				t.Errorf("the echo service on %s did not end with its context", service.Address)
			}
		})
		waitListening(t, g, service, ended)
	}
	return services
}

// waitListening returns once the service takes connections.
func waitListening(t *testing.T, g guest.Guest, service Service, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		conn, err := g.Dial(ctx, service.Network, service.Address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("the echo service on %s ended: %v", service.Address, err)
		case <-ctx.Done():
			t.Fatalf("nobody listens on %s: %v", service.Address, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// exitCode is the exit status that err reports, 0 for nil; any other error ends the test.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *guest.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("got %v, want an *guest.ExitError", err)
	}
	return exit.Code
}
