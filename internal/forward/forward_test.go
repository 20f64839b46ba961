package forward_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/forward"
	"github.com/colabo/colabo/internal/guest/sshguest/sshtest"
)

// TestMain is also the program that the tests start in the background.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		log := slog.New(slog.NewTextHandler(os.Stderr, nil))
		if err := forward.Serve(context.Background(), os.Args[2], log); err != nil {
			log.Error(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// project is a project's folder with an ssh server as its machine "dev".
type project struct {
	dir       string
	temporary string // the folder for temporary files, which has the control socket
	machine   *sshtest.Server
	config    forward.Config
}

func newProject(t testing.TB) *project {
	t.Helper()
	t.Setenv("XDG_RUNTIME_DIR", "")
	s := sshtest.Start(t)
	p := &project{dir: t.TempDir(), temporary: t.TempDir(), machine: s}
	t.Setenv("TMPDIR", p.temporary)
	p.config.Targets = map[string]forward.Target{
		"dev": {Address: s.Address, User: sshtest.User, KeyFile: s.KeyFile, HostKey: s.HostKey.Public},
	}
	t.Cleanup(func() {
		if err := forward.Stop(context.Background(), p.dir); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(p.dir, "log", "forward.log"))
			t.Logf("background process:\n%s", log)
		}
	})
	return p
}

func (p *project) exe() []string { return []string{os.Args[0], "serve", p.dir} }

// apply applies the project's config and fails the test unless every forward is open.
func (p *project) apply(t testing.TB) {
	t.Helper()
	result, err := forward.Apply(t.Context(), p.dir, p.exe(), p.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Failed {
		t.Error(f)
	}
}

// add adds a forward to target, and returns the address it is to listen on.
func (p *project) add(t testing.TB, target string) string {
	t.Helper()
	address := freePort(t)
	p.config.Forwards = append(p.config.Forwards, forward.Forward{Machine: "dev", Listen: address, Target: target})
	return address
}

func (p *project) pid(t *testing.T) int {
	t.Helper()
	status, err := forward.Inspect(t.Context(), p.dir)
	if err != nil {
		t.Fatal(err)
	}
	return status.PID
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// service is a TCP service "in the machine": it answers each line with its name and the line, and at the end of the
// input says goodbye.
func service(t *testing.T, name string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buffer := make([]byte, 100)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						_, _ = fmt.Fprintf(conn, "%s: goodbye\n", name)
						return
					}
					_, _ = fmt.Fprintf(conn, "%s: %s", name, buffer[:n])
				}
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// say sends a line and expects the answer of the named service.
func say(t *testing.T, conn net.Conn, name string) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	want := name + ": hello\n"
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v; want %q", got[:n], err, want)
	}
}

func closed(t *testing.T, address string) {
	t.Helper()
	if conn, err := net.Dial("tcp", address); err == nil {
		_ = conn.Close()
		t.Errorf("%s is still open", address)
	}
}

func TestForwardsComeAndGoWithoutTouchingOthers(t *testing.T) {
	p := newProject(t)
	one, two := service(t, "one"), service(t, "two")
	first := p.add(t, one)
	p.apply(t)
	kept := dial(t, first)
	say(t, kept, "one")
	pid := p.pid(t)

	second := p.add(t, two)
	p.apply(t)
	say(t, dial(t, second), "two")
	say(t, kept, "one")

	p.config.Forwards[1].Target = one // another target for the same port
	p.apply(t)
	say(t, dial(t, second), "one")

	p.config.Forwards = p.config.Forwards[:1]
	p.apply(t)
	closed(t, second)
	say(t, kept, "one")
	if now := p.pid(t); now != pid || pid == 0 {
		t.Errorf("process %d took the place of %d", now, pid)
	}
	if n := p.machine.Logins(); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestHalfClose(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.apply(t)
	conn := dial(t, address)
	say(t, conn, "one")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != "one: goodbye\n" {
		t.Errorf("after our end: %q, %v", rest, err)
	}
}

func TestManyConnections(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.apply(t)
	var all sync.WaitGroup
	for range 100 {
		conn := dial(t, address)
		all.Go(func() { say(t, conn, "one") })
	}
	all.Wait()
}

func TestForwardsSurviveAReboot(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.apply(t)
	old := dial(t, address)
	say(t, old, "one")

	p.machine.Stop()
	if err := old.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := old.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the machine is gone, and its connection is not: %v", err)
	}
	waiting := dial(t, address) // the port stays open, and waits for the machine
	p.machine.Restart(t)
	say(t, waiting, "one")
	say(t, dial(t, address), "one")
}

func TestMachineThatIsDownEndsConnections(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.machine.Stop()
	p.apply(t)
	conn := dial(t, address)
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the end of the connection", err)
	}
	status, err := forward.Inspect(t.Context(), p.dir)
	if err != nil {
		t.Fatal(err)
	}
	if dev := status.Machines["dev"]; dev.Connected || !strings.Contains(dev.Error, "refused") {
		t.Errorf("status %+v does not tell what is wrong", dev)
	}
}

func TestFailuresNameTheirPort(t *testing.T) {
	p := newProject(t)
	target := service(t, "one")
	busy := service(t, "busy")
	good := p.add(t, target)
	bad := []forward.Forward{
		{Machine: "dev", Listen: busy, Target: target},
		{Machine: "other", Listen: freePort(t), Target: target},
		{Machine: "dev", Listen: freePort(t), Target: target, Protocol: "udp"},
		{Machine: "dev", Listen: "nonsense", Target: target},
		{Machine: "dev", Listen: good, Target: busy},
	}
	p.config.Forwards = append(p.config.Forwards, bad...)
	result, err := forward.Apply(t.Context(), p.dir, p.exe(), p.config)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Failed) != len(bad) {
		t.Fatalf("failed: %v", result.Failed)
	}
	for i, f := range result.Failed {
		if f.Forward != bad[i] || f.Busy != (i == 0) || !strings.Contains(f.Error(), f.Listen) {
			t.Errorf("%d: %+v", i, f)
		}
	}
	say(t, dial(t, good), "one")
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(15 * time.Second)
	for !holds() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatal(what)
		}
	}
}
