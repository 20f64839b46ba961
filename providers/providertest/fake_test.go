package providertest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// TestContract holds the Fake to the contract.
func TestContract(t *testing.T) {
	dir := t.TempDir()
	must(t, SetFaults(dir, "delay create:*:20ms"), "SetFaults")
	Run(t, Harness{
		Open:    func(t *testing.T) providers.Provider { return openFake(t, dir) },
		Project: "contract-",
		Image:   providers.Image{Name: "debian-12", Digest: "sha256:image"},
		Guest: func(t *testing.T, p providers.Provider, spec providers.Spec) guest.Guest {
			return openGuest(t, p, spec.ID)
		},
		Services:      func(t *testing.T, _ guest.Guest) []Service { return hostServices(t, dir) },
		HostProcesses: true,
		Changes:       FakeChanges(),
		HalfMade: func(t *testing.T, p providers.Provider, spec providers.Spec) {
			must(t, p.(*Fake).write(newRecord(spec)), "write the record")
		},
		Leftovers: func(t *testing.T, project string) []string { return leftovers(t, dir, project) },
	})
}

func TestChangesOfTheFake(t *testing.T) { CheckChanges(t, FakeKind(t.TempDir())) }

// openFake opens the Fake as a program does.
func openFake(t *testing.T, dir string) providers.Provider {
	t.Helper()
	kind := FakeKind(dir)
	p, err := kind.Open(t.Context(), providers.Config{Settings: kind.Settings()})
	must(t, err, "Open")
	return p
}

// openGuest is the guest of a running machine.
func openGuest(t *testing.T, p providers.Provider, id providers.ID) guest.Guest {
	t.Helper()
	opener, ok := providers.As[providers.GuestOpener](p)
	if !ok {
		t.Fatal("the Fake has no way into its guests")
	}
	g, err := opener.OpenGuest(t.Context(), id, "colabo")
	must(t, err, "OpenGuest")
	return g
}

// hostServices echoes on a port of this host and on a socket in the machine's tree.
func hostServices(t *testing.T, dir string) []Service {
	t.Helper()
	tree := filepath.Join(dir, "machines/p-contract-guest/m-web/root")
	socket := filepath.Join(t.TempDir(), "s")
	unix, err := net.Listen("unix", socket)
	must(t, err, "listen")
	must(t, os.Symlink(socket, filepath.Join(tree, "tmp/echo.sock")), "link the socket")
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err, "listen")
	for _, listener := range []net.Listener{unix, tcp} {
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(conn, conn); conn.Close() }()
			}
		}()
	}
	return []Service{{"tcp", tcp.Addr().String()}, {"unix", "/tmp/echo.sock"}}
}

// leftovers are the files that have to do with the project, locks and calls apart.
func leftovers(t *testing.T, dir, project string) []string {
	t.Helper()
	var left []string
	for _, name := range []string{"machines/p-" + project, "networks/" + project} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			left = append(left, name)
		}
	}
	return left
}

// fakeMachine makes and starts a machine of a new Fake.
func fakeMachine(t *testing.T) (dir string, p providers.Provider, id providers.ID) {
	t.Helper()
	dir = t.TempDir()
	p = openFake(t, dir)
	id = providers.ID{Project: "p", Machine: "web"}
	must(t, p.Create(t.Context(), providers.Spec{ID: id, User: "colabo"}, func(string) {}), "Create")
	must(t, p.Start(t.Context(), id), "Start")
	return dir, p, id
}

func TestFaultsOfTheEnvironment(t *testing.T) {
	p := openFake(t, t.TempDir())
	id := providers.ID{Project: "p", Machine: "web"}
	t.Setenv(FailEnv, "create:db,create:web:nospace")
	err := p.Create(t.Context(), providers.Spec{ID: id}, func(string) {})
	if !errors.Is(err, providers.ErrNoSpace) {
		t.Errorf("Create returned %v, want ErrNoSpace", err)
	}
	if list, _ := p.List(t.Context(), ""); len(list) != 0 {
		t.Errorf("a failed Create left %v", list)
	}
	t.Setenv(FailEnv, "create:db")
	must(t, p.Create(t.Context(), providers.Spec{ID: id}, func(string) {}), "Create of another machine")
	t.Setenv(FailEnv, "check:*")
	if _, err := p.Check(t.Context()); !errors.Is(err, providers.ErrUnavailable) {
		t.Errorf("Check returned %v, want ErrUnavailable", err)
	}
}

func TestDelaysEndWithTheContext(t *testing.T) {
	dir, p, id := fakeMachine(t)
	must(t, SetFaults(dir, "delay stop:web:1h"), "SetFaults")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.Stop(ctx, id, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop returned %v, want the context's error", err)
	}
	must(t, SetFaults(dir), "SetFaults")
	must(t, p.Stop(t.Context(), id, 0), "Stop")
}

func TestRemoveBehindOurBack(t *testing.T) {
	dir, p, id := fakeMachine(t)
	must(t, Remove(dir, providers.ID{Machine: "web"}), "Remove")
	if _, err := p.Inspect(t.Context(), id); !errors.Is(err, providers.ErrNotFound) {
		t.Errorf("Inspect returned %v, want ErrNotFound", err)
	}
}

func TestCallsAreOnlyWhatWasDone(t *testing.T) {
	dir, p, id := fakeMachine(t)
	must(t, p.Create(t.Context(), providers.Spec{ID: id}, func(string) {}), "Create again")
	must(t, p.Start(t.Context(), id), "Start again")
	must(t, p.Destroy(t.Context(), id), "Destroy")
	must(t, p.Destroy(t.Context(), id), "Destroy again")
	calls, err := Calls(dir)
	must(t, err, "Calls")
	if want := []string{"create p/web", "start p/web", "destroy p/web"}; !slices.Equal(calls, want) {
		t.Errorf("calls are %q, want %q", calls, want)
	}
}

func TestGuestIsHarmless(t *testing.T) {
	_, p, id := fakeMachine(t)
	g := openGuest(t, p, id)
	var stderr strings.Builder
	for _, argv := range [][]string{{"apt-get", "--version"}, {"sh", "-c", "apt-get --version"}, {"/usr/bin/apt-get"}} {
		if code := exitCode(t, g.Run(t.Context(), guest.Command{Argv: argv, Stderr: &stderr})); code != 127 {
			t.Errorf("%q ended with %d, want 127", argv, code)
		}
	}
	must(t, g.Upload(t.Context(), strings.NewReader("x"), guest.File{Path: "/../../../../../../../../tmp/out"}), "Upload")
	must(t, g.Download(t.Context(), "/tmp/out", io.Discard), "Download")
	if _, err := g.Dial(t.Context(), "tcp", "192.0.2.1:80"); err == nil {
		t.Error("Dial reached out of this host")
	}
}

func TestGuestEndsWithItsMachine(t *testing.T) {
	_, p, id := fakeMachine(t)
	g := openGuest(t, p, id)
	must(t, p.Stop(t.Context(), id, 0), "Stop")
	if err := g.Run(t.Context(), guest.Command{Argv: []string{"true"}}); err == nil {
		t.Error("a command ran in a stopped machine")
	}
	must(t, p.Start(t.Context(), id), "Start")
	must(t, g.Close(), "Close")
	if err := g.Run(t.Context(), guest.Command{Argv: []string{"true"}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run of a closed guest returned %v, want net.ErrClosed", err)
	}
}
