package container

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPrepareIsCutOff: not only the shell ends but all that it started, at once where they heed SIGTERM.
func TestPrepareIsCutOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var said bytes.Buffer
	build := Build{Context: "app", Prepare: HostCommand{"sh", "-c", "sleep 600 & echo $!; wait; true"}}
	begin := time.Now()
	err := build.prepare(ctx, t.TempDir(), writerFunc(func(p []byte) (int, error) {
		cancel()
		return said.Write(p)
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took > prepareGrace {
		t.Errorf("it took %v", took)
	}
	wantGone(t, said.String())
}

// TestPrepareIgnoresSIGTERM: what does not heed SIGTERM is killed.
func TestPrepareIgnoresSIGTERM(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var said bytes.Buffer
	build := Build{Context: "app", Prepare: HostCommand{"sh", "-c", "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done'"}}
	err := build.prepare(ctx, t.TempDir(), writerFunc(func(p []byte) (int, error) {
		cancel()
		return said.Write(p)
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantGone(t, said.String())
}

// TestPrepareLeavesProcesses: what goes on in the background with the command's output is ended, and an error.
func TestPrepareLeavesProcesses(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	build := Build{Context: "app", Prepare: HostCommand{"sh", "-c", "sleep 600 & echo $!"}}
	err := build.prepare(t.Context(), t.TempDir(), &said)
	if err == nil || !strings.Contains(err.Error(), "left processes") {
		t.Errorf("got %v", err)
	}
	wantGone(t, said.String())
}

// wantGone waits for the end of the process whose id was said: it was sent its signal already.
func wantGone(t *testing.T, said string) {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(said))
	if err != nil {
		t.Fatal(err)
	}
	poll, deadline := time.NewTicker(groupPoll), time.After(10*time.Second)
	defer poll.Stop()
	for alive(pid) {
		select {
		case <-poll.C:
		case <-deadline:
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d lives", pid)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// alive is false for zombies too: who reaps them is not prepare's business.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
