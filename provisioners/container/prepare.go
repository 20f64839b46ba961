package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/provisioners/tail"
)

const (
	// prepareGrace is how long what prepare started may take to end once it was told to.
	prepareGrace = 2 * time.Second
	// groupPoll is how often it is looked whether they ended; the system has no way to be told of processes not our own.
	groupPoll = 20 * time.Millisecond
)

// prepare runs the host's command in the context's folder. When ctx ends, the command and all that it started get SIGTERM and,
// after a grace, SIGKILL; only what left the command's process group is not reached. It does not wait for what closed neither
// its output nor itself once the command ended: that is ended too, and an error.
func (b *Build) prepare(ctx context.Context, dir string, output io.Writer) error {
	if len(b.Prepare) == 0 {
		return nil
	}
	lines := tail.NewWriter(output)
	command := exec.CommandContext(ctx, b.Prepare[0], b.Prepare[1:]...)
	command.Dir, command.Stdout, command.Stderr = dir, lines, lines
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = prepareGrace
	err := command.Run()
	if command.Process != nil && (ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay)) {
		endGroup(command.Process.Pid)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = errors.New("it ended, but left processes that hold its output")
	}
	if err != nil {
		err = lines.Annotate(fmt.Errorf("prepare %s with %q: %w", b.Context, strings.Join(b.Prepare, " "), err))
		return hint.New(err, "this command runs on the host, in "+dir)
	}
	return nil
}

// endGroup ends the processes of a group whose leader ended: SIGTERM and, for those that stay, SIGKILL.
func endGroup(group int) {
	deadline := time.NewTimer(prepareGrace)
	defer deadline.Stop()
	poll := time.NewTicker(groupPoll)
	defer poll.Stop()
	_ = syscall.Kill(-group, syscall.SIGTERM) // fails where there is none left
	for syscall.Kill(-group, 0) == nil {
		select {
		case <-deadline.C:
			_ = syscall.Kill(-group, syscall.SIGKILL) // fails where the last one has just ended
			return
		case <-poll.C:
		}
	}
}
