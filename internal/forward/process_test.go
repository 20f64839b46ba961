package forward_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/colabo/colabo/internal/forward"
)

func TestEmptyConfigEndsTheProcess(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.apply(t)
	pid := p.pid(t)
	if _, err := forward.Apply(t.Context(), p.dir, p.exe(), forward.Config{}); err != nil {
		t.Fatal(err)
	}
	closed(t, address)
	gone(t, p, pid)
	if left, err := filepath.Glob(filepath.Join(p.temporary, "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := forward.Stop(t.Context(), p.dir); err != nil {
		t.Errorf("stopping what does not run: %v", err)
	}
}

// gone fails unless the process has ended and the project knows it.
func gone(t *testing.T, p *project, pid int) {
	t.Helper()
	eventually(t, "the process is still there", func() bool { return !alive(pid) })
	status, err := forward.Inspect(t.Context(), p.dir)
	if err != nil || status.Running {
		t.Errorf("status %+v, %v", status, err)
	}
	if _, err := forward.Dial(t.Context(), p.dir, "dev", "tcp", "127.0.0.1:1"); !errors.Is(err, forward.ErrNotRunning) {
		t.Errorf("Dial: %v", err)
	}
}

// alive reports whether a process runs; one that ended and was not waited for yet does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !bytes.Contains(stat, []byte(") Z "))
}

func TestKilledProcessIsReplaced(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.apply(t)
	pid := p.pid(t)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, p, pid) // its socket and its process id are still in the folder
	p.apply(t)
	say(t, dial(t, address), "one")
}

func TestProcessThatHangsIsReplaced(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.apply(t)
	pid := p.pid(t)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := forward.Stop(t.Context(), p.dir); err != nil {
		t.Fatal(err)
	}
	gone(t, p, pid)
	p.apply(t)
	say(t, dial(t, address), "one")
}

func TestLostSocketIsMended(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.apply(t)
	if err := os.RemoveAll(p.temporary); err != nil { // as a cleaner of temporary files does
		t.Fatal(err)
	}
	if err := os.Mkdir(p.temporary, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := forward.Dial(t.Context(), p.dir, "dev", "tcp", address); !errors.Is(err, forward.ErrNotRunning) {
		t.Errorf("Dial: %v", err)
	}
	p.apply(t)
	say(t, dial(t, address), "one")
}

func TestProcessEndsWithItsProject(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	p.apply(t)
	pid := p.pid(t)
	if err := os.RemoveAll(p.dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process outlives its project", func() bool { return !alive(pid) })
	closed(t, address)
}

func TestSIGTERMEndsTheProcess(t *testing.T) {
	p := newProject(t)
	p.add(t, service(t, "one"))
	p.apply(t)
	pid := p.pid(t)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	gone(t, p, pid)
}

func TestProcessIsDetached(t *testing.T) {
	p := newProject(t)
	p.apply(t)
	pid := p.pid(t)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	var parent, group, session int
	if _, err := fmt.Sscan(string(stat[bytes.LastIndexByte(stat, ')')+3:]), &parent, &group, &session); err != nil || session != pid {
		t.Errorf("session %d of process %d, %v", session, pid, err)
	}
	for fd := range 3 {
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
		if err != nil || to != os.DevNull && to != filepath.Join(p.dir, "log", "forward.log") {
			t.Errorf("descriptor %d is %s, %v", fd, to, err)
		}
	}
}

func TestParallelAppliesStartOneProcess(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := forward.Apply(t.Context(), p.dir, p.exe(), p.config); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	say(t, dial(t, address), "one")
	if n := p.machine.Logins(); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestFailingProcessIsReported(t *testing.T) {
	p := newProject(t)
	_, err := forward.Apply(t.Context(), p.dir, []string{"sh", "-c", "echo out of luck >&2; exit 3"}, p.config)
	if err == nil || !strings.Contains(err.Error(), "out of luck") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestSocketFolderOfOthersIsRefused(t *testing.T) {
	p := newProject(t)
	folder := filepath.Join(p.temporary, fmt.Sprintf("colabo-%d", os.Getuid()))
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := forward.Apply(t.Context(), p.dir, p.exe(), p.config); err == nil || !strings.Contains(err.Error(), "open to other users") {
		t.Errorf("a folder that all can write: %v", err)
	}
	if err := errors.Join(os.Remove(folder), os.Symlink(t.TempDir(), folder)); err != nil {
		t.Fatal(err)
	}
	if _, err := forward.Apply(t.Context(), p.dir, p.exe(), p.config); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("a link: %v", err)
	}
}

func TestServeLeavesNothingBehind(t *testing.T) {
	p := newProject(t)
	address := p.add(t, service(t, "one"))
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- forward.Serve(ctx, p.dir, slog.New(slog.DiscardHandler)) }()
	p.apply(t)
	for range 10 {
		say(t, dial(t, address), "one")
	}
	if err := forward.Guest(p.dir, "dev").Run(t.Context(), command("true")); err != nil {
		t.Error(err)
	}
	if err := forward.Serve(t.Context(), p.dir, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a second process serves the same project")
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	closed(t, address)
	eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before+5 }) // the ssh server's own
	p.machine.Stop()
	eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before })
}
