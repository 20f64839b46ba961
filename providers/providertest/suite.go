// Package providertest holds the contract of providers.Provider as a test suite that every implementation passes,
// and Fake, a provider whose machines are files on disk and processes of this host.
//
// Run is the contract: one invariant a subtest, each of them observed through the interface. It makes machines,
// boots one of them where the harness knows the way into a guest, and leaves nothing behind.
// It is for tests only; nothing of it belongs into the program.
package providertest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// Harness is what the suite must be told about an implementation.
type Harness struct {
	// Open connects to the provider. The suite calls it more than once, and closes what it returns.
	Open func(t *testing.T) providers.Provider
	// Image is what machines are made from.
	Image providers.Image
	// Project is the prefix of every project id that the suite uses; it must be unique among parallel runs.
	Project string
	// Prepare completes a Spec: MAC, CloudInit, Options. It may be nil.
	Prepare func(t *testing.T, spec *providers.Spec)
	// Guest waits until the guest of a machine that was just started is ready, and returns a way into it.
	// Booting is slow for some providers: the suite boots one machine, twice. Where Guest is nil, everything that
	// needs a guest is left out.
	Guest func(t *testing.T, p providers.Provider, spec providers.Spec) guest.Guest
	// Services makes things listen inside the guest and names them. Where it is nil, systemd-socket-activate
	// of the guest runs cat on a tcp and on a unix socket.
	Services func(t *testing.T, g guest.Guest) []Service
	// HostProcesses: the guest's commands are processes of this host, so that users, owners of files and the
	// host name are not the machine's own, and are not looked at.
	HostProcesses bool
	// HalfMade leaves what a Create that was killed leaves behind. It may be nil.
	HalfMade func(t *testing.T, p providers.Provider, spec providers.Spec)
	// Leftovers lists, by the host's own tools and not through the provider, all that carries the project's tag:
	// machines, volumes, networks, images. It may be nil; List is then the only witness.
	Leftovers func(t *testing.T, project string) []string
	// Changes is the Kind's table.
	Changes map[string]providers.Change
	// Timeout is how long one operation may take, a boot included; 0 means 5 minutes.
	Timeout time.Duration
}

// GuestPort is the port inside the guest that Services should listen on, on every address, so that the suite
// can look for it through a published port.
const GuestPort = 9977

// Service is something that listens inside the guest and sends back what it is sent.
type Service struct {
	Network string // "tcp" or "unix"
	Address string // as seen from inside the guest
}

// Run holds the implementation to the contract. It needs nothing but the harness, and leaves nothing behind.
func Run(t *testing.T, h Harness) {
	start := time.Now()
	s := newSuite(t, h)
	t.Run("describes itself", s.describes)
	t.Run("create", s.testCreate)
	t.Run("power", s.testPower)
	t.Run("modify", s.testModify)
	t.Run("missing machine", s.testMissing)
	t.Run("tags", s.testTags)
	t.Run("purge", s.testPurge)
	if h.Guest != nil {
		t.Run("guest", s.testGuest)
	} else {
		t.Log("no way into a guest: what needs one was left out")
	}
	t.Logf("contract of %s: %.1fs", s.p.Name(), time.Since(start).Seconds())
}

// suite is one run of the contract.
type suite struct {
	Harness
	p providers.Provider
}

// newSuite opens the provider and makes sure that it is closed and that nothing of this run stays.
func newSuite(t *testing.T, h Harness) *suite {
	t.Helper()
	if h.Project == "" {
		t.Fatal("the harness has no project prefix")
	}
	if h.Timeout == 0 {
		h.Timeout = 5 * time.Minute
	}
	s := &suite{Harness: h, p: h.Open(t)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), h.Timeout)
		defer cancel()
		all, err := s.p.List(ctx, "")
		if err != nil {
			t.Errorf("List of every project: %v", err)
		}
		for _, status := range all {
			if strings.HasPrefix(status.Project, h.Project) {
				t.Errorf("%v was left behind", status.ID)
				_ = s.p.Purge(ctx, status.Project)
			}
		}
		if err := s.p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// describes: Name, Check and Features say something usable.
func (s *suite) describes(t *testing.T) {
	if s.p.Name() == "" {
		t.Error("Name is empty")
	}
	line, err := s.p.Check(s.ctx(t))
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	if line == "" || strings.Contains(line, "\n") {
		t.Errorf("Check returned %q, want one line", line)
	}
}

// ctx is the context of one subtest.
func (s *suite) ctx(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), s.Timeout)
	t.Cleanup(cancel)
	return ctx
}

// project is a project id of this run; it is purged when the subtest ends.
func (s *suite) project(t *testing.T, suffix string) string {
	t.Helper()
	id := s.Project + suffix
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
		defer cancel()
		if err := s.p.Purge(ctx, id); err != nil {
			t.Errorf("Purge %s: %v", id, err)
		}
	})
	return id
}

// spec is a small machine of the project.
func (s *suite) spec(t *testing.T, project, machine string) providers.Spec {
	t.Helper()
	spec := providers.Spec{
		ID:          providers.ID{Project: project, Machine: machine},
		ProjectName: "contract",
		ProjectDir:  "/srv/contract",
		Hostname:    machine,
		CPUs:        1,
		Memory:      512 << 20,
		Image:       s.Image,
		User:        "colabo",
		Digest:      "sha256:" + strings.Repeat("0", 64),
	}
	if s.Prepare != nil {
		s.Prepare(t, &spec)
	}
	return spec
}

// create makes a machine or ends the test.
func (s *suite) create(t *testing.T, spec providers.Spec) {
	t.Helper()
	if err := s.p.Create(s.ctx(t), spec, s.report(t)); err != nil {
		t.Fatalf("Create %v: %v", spec.ID, err)
	}
}

// report logs progress.
func (s *suite) report(t *testing.T) providers.Report {
	return func(text string) { t.Logf("report: %s", text) }
}

// wantState fails the test unless the machine is in that state.
func (s *suite) wantState(t *testing.T, id providers.ID, want providers.State) providers.Status {
	t.Helper()
	status, err := s.p.Inspect(s.ctx(t), id)
	if err != nil {
		t.Fatalf("Inspect %v: %v", id, err)
	}
	if status.State != want {
		t.Fatalf("%v is %s (%s), want %s", id, status.State, status.Detail, want)
	}
	return status
}

// wantMachines fails the test unless the project has exactly these machines, in this order.
func (s *suite) wantMachines(t *testing.T, project string, want ...string) {
	t.Helper()
	list, err := s.p.List(s.ctx(t), project)
	if err != nil {
		t.Fatalf("List %s: %v", project, err)
	}
	got := make([]string, 0, len(list))
	for _, status := range list {
		if status.Project != project {
			t.Errorf("List %s returned a machine of %s", project, status.Project)
		}
		got = append(got, status.Machine)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("List %s has %v, want %v", project, got, want)
	}
}

// wantNothing fails the test unless nothing of the project is left on the host.
func (s *suite) wantNothing(t *testing.T, project string) {
	t.Helper()
	s.wantMachines(t, project)
	if s.Leftovers == nil {
		return
	}
	if left := s.Leftovers(t, project); len(left) != 0 {
		t.Fatalf("of %s is left: %v", project, left)
	}
}

// must fails the test on an error.
func must(t *testing.T, err error, operation string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
}

// freePort is a tcp port of 127.0.0.1 that nobody listened on just now.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err, "listen on a free port")
	port := listener.Addr().(*net.TCPAddr).Port
	must(t, listener.Close(), "free the port")
	return port
}

// hostPort is where a port is published.
func hostPort(port providers.Port) string {
	return net.JoinHostPort(port.Address, strconv.Itoa(port.Host))
}
