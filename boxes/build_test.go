package boxes

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestFailedBuildLeavesTheStoreAsItWas(t *testing.T) {
	s := openStore(t)
	before := mustBuild(t, s, "one")
	broken := errors.New("broken")
	_, err := s.Build(t.Context(), fakeRecipe{name: "one", build: func(context.Context, string) error { return broken }}, nil)
	if !errors.Is(err, broken) {
		t.Errorf("Build = %v", err)
	}
	if got, err := s.Get("one"); err != nil || got != before {
		t.Errorf("Get = %+v, %v", got, err)
	}
	if left := entries(t, s); len(left) != 1 {
		t.Errorf("store holds %q", left)
	}
}

func TestCheckComesFirst(t *testing.T) {
	s := openStore(t)
	missing := errors.New("tool missing")
	r := fakeRecipe{name: "one", check: func() error { return missing }}
	if _, err := s.Build(t.Context(), r, nil); !errors.Is(err, missing) {
		t.Errorf("Build = %v", err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a build that can't be made the folder: %v", err)
	}
}

func TestCancelledBuildLeavesNothing(t *testing.T) {
	s := openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := fakeRecipe{name: "one", build: func(ctx context.Context, dir string) error {
		cancel()
		<-ctx.Done()
		return errors.New("tool: signal: killed")
	}}
	if _, err := s.Build(ctx, r, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Build = %v", err)
	}
	if left := entries(t, s); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

func TestWaitingBuildCanBeCancelled(t *testing.T) {
	s := openStore(t)
	building, finish := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := s.Build(context.WithoutCancel(t.Context()), fakeRecipe{name: "one", build: func(context.Context, string) error {
			close(building)
			<-finish
			return nil
		}}, nil)
		first <- err
	}()
	<-building
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Build(ctx, fakeRecipe{name: "one"}, func(p Progress) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("second Build = %v", err)
	}
	close(finish)
	if err := <-first; err != nil {
		t.Errorf("first Build = %v", err)
	}
}

func TestConcurrentBuildsMakeOneBox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "boxes")
	const n = 4
	var runs atomic.Int32
	var started, done sync.WaitGroup
	started.Add(n - 1)
	release := make(chan struct{})
	boxes := make([]Box, n)
	for i := range n {
		done.Go(func() {
			s, err := OpenStore(dir) // its own lock, as in another process
			if err != nil {
				t.Error(err)
				return
			}
			r := fakeRecipe{name: "one", build: func(context.Context, string) error {
				runs.Add(1)
				<-release
				return nil
			}}
			boxes[i], err = s.Build(t.Context(), r, func(p Progress) {
				if p.Stage == stageWait {
					started.Done()
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	started.Wait() // all but one wait
	close(release)
	done.Wait()
	if runs.Load() != 1 {
		t.Errorf("built %d times", runs.Load())
	}
	for _, b := range boxes {
		if b != boxes[0] {
			t.Errorf("got %+v and %+v", b, boxes[0])
		}
	}
}

func TestNextBuildRemovesWhatAKilledOneLeft(t *testing.T) {
	s := openStore(t)
	other := mustBuild(t, s, "one-more")
	for _, left := range []string{buildPrefix + "one@123/tmp/root/etc", trashPrefix + "123/x", buildPrefix + "one-more@9/tmp"} {
		if err := os.MkdirAll(filepath.Join(s.dir, left), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b := mustBuild(t, s, "one")
	// The folder of another box's build may belong to a living process.
	want := []string{buildPrefix + "one-more@9", filepath.Base(filepath.Dir(other.Disk)), filepath.Base(filepath.Dir(b.Disk))}
	got := entries(t, s)
	if len(got) != len(want) || got[0] != want[0] {
		t.Errorf("store holds %q, want %q", got, want)
	}
}

func TestFolderWithoutRecordIsNoBox(t *testing.T) {
	s := openStore(t)
	if err := os.MkdirAll(filepath.Join(s.dir, "one@20260101"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("one"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
}

// TestKilledBuildFreesTheLock builds in a process of its own, which is killed in the middle.
func TestKilledBuildFreesTheLock(t *testing.T) {
	const env = "COLABO_TEST_BUILD_IN"
	if dir := os.Getenv(env); dir != "" {
		s, err := OpenStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Build(t.Context(), fakeRecipe{name: "one", build: func(context.Context, string) error {
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				return err
			}
			return errors.Join(self.Kill(), context.DeadlineExceeded)
		}}, nil)
		t.Fatalf("not killed: %v", err)
	}
	s := openStore(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(exe, "-test.run=^TestKilledBuildFreesTheLock$")
	child.Env = append(os.Environ(), env+"="+s.dir)
	if err := child.Run(); err == nil {
		t.Fatal("the child ended well")
	}
	mustBuild(t, s, "one")
	if left := entries(t, s); len(left) != 1 {
		t.Errorf("store holds %q", left)
	}
}
