package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// startLimit is how long a background process may take to answer after it was started.
	startLimit = 10 * time.Second
	// answerLimit is how long one that runs already may take.
	answerLimit = 2 * time.Second
	// stopLimit is how long a background process may take to end before it is killed.
	stopLimit = 4 * time.Second
	// logLimit is the size at which the log of earlier processes is dropped.
	logLimit = 1 << 20
	logName  = "log/forward.log"
)

// Apply makes the project's background process serve config, and starts it when it does not run. Forwards that stay
// the same, and their connections, are not touched. A Config without targets ends the process.
//
// dir is the project's folder for state, an absolute path. exe is the command that calls Serve for dir; it runs
// in a session of its own with its output in dir/log/forward.log, so that it outlives the caller and holds neither its terminal nor its pipes.
//
// The error says that the process can't be had; forwards that can't be opened are in the Result.
func Apply(ctx context.Context, dir string, exe []string, config Config) (Result, error) {
	if len(config.Targets) == 0 && len(config.Forwards) == 0 {
		return Result{}, Stop(ctx, dir)
	}
	var a response
	for again := true; ; again = false {
		if err := ensure(ctx, dir, exe); err != nil {
			return Result{}, fmt.Errorf("start port forwards: %w", err)
		}
		conn, _, err := ask(ctx, dir, request{Op: "apply", Config: &config}, &a)
		if err == nil {
			_ = conn.Close()
			break
		}
		if !again || ctx.Err() != nil {
			return Result{}, fmt.Errorf("set up port forwards: %w", err)
		}
		// It was just ending, or does not answer, or is of another version: a new one does better.
		if err := Stop(ctx, dir); err != nil {
			return Result{}, err
		}
	}
	if a.Result == nil {
		return Result{}, errors.New("set up port forwards: the background process gave no result")
	}
	return *a.Result, nil
}

// Stop ends the project's background process and waits until it is gone; one that does not answer is killed.
// It is no error when there is none.
func Stop(ctx context.Context, dir string) error {
	asking, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	conn, _, err := ask(asking, dir, request{Op: "stop"}, new(response))
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err == nil {
		_ = conn.Close()
		err = awaitGone(asking, dir)
	}
	if err == nil {
		return nil
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err = signalHolder(ctx, dir, signal); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("stop port forwards: %w", err)
	}
	return nil
}

// signalHolder sends a signal to the process that holds the lock and waits until it is gone.
func signalHolder(ctx context.Context, dir string, signal syscall.Signal) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	// Who can be told only while the lock is held; a process id from before means nothing.
	if is, err := running(dir); !is || err != nil {
		return err
	}
	pid, err := holder(dir)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end process %d: %w", pid, err)
	}
	return awaitGone(ctx, dir)
}

// Inspect says how the project's background process is. It is no error when there is none.
func Inspect(ctx context.Context, dir string) (Status, error) {
	var a response
	conn, _, err := ask(ctx, dir, request{Op: "status"}, &a)
	if errors.Is(err, ErrNotRunning) {
		return Status{}, nil
	}
	if err != nil {
		return Status{}, fmt.Errorf("ask for port forwards: %w", err)
	}
	_ = conn.Close()
	if a.Status == nil {
		return Status{}, errors.New("ask for port forwards: the background process gave no status")
	}
	return *a.Status, nil
}

// ensure starts the background process when there is none, and waits until it answers.
func ensure(ctx context.Context, dir string, exe []string) error {
	is, err := running(dir)
	if err != nil {
		return err
	}
	var exited <-chan error
	limit := answerLimit
	if !is {
		limit = startLimit
		if exited, err = start(dir, exe); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	err = poll(ctx, func() (bool, error) {
		conn, dialErr := dialControl(ctx, dir)
		if last = dialErr; dialErr == nil {
			return true, conn.Close()
		}
		select {
		case exit := <-exited:
			exited = nil
			if is, err := running(dir); err == nil && is {
				return false, nil // another one was quicker
			}
			return false, fmt.Errorf("the background process ended at once: %w%s", exit, logEnd(dir))
		default:
			return false, nil
		}
	})
	if errors.Is(err, context.DeadlineExceeded) && is {
		return nil // it holds the lock and does not answer: Apply replaces it
	}
	if err != nil && last != nil && ctx.Err() != nil {
		return fmt.Errorf("%w (%w)", err, last)
	}
	return err
}

// start starts the background process; its end is sent on the channel.
func start(dir string, exe []string) (<-chan error, error) {
	if len(exe) == 0 {
		return nil, errors.New("no program named")
	}
	path := filepath.Join(dir, logName)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		flags |= os.O_TRUNC
	}
	log, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(exe[0], exe[1:]...)
	cmd.Dir = "/" // holds no folder that the user may want to unmount or delete
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		exited <- err
	}()
	return exited, nil
}

// logEnd is the last line of the background process's log, for an error message.
func logEnd(dir string) string {
	log, err := os.Open(filepath.Join(dir, logName))
	if err != nil {
		return ""
	}
	defer log.Close()
	const most = 2000
	if info, err := log.Stat(); err == nil && info.Size() > most {
		_, _ = log.Seek(-most, io.SeekEnd)
	}
	end, _ := io.ReadAll(io.LimitReader(log, most))
	lines := strings.Split(strings.TrimSpace(string(end)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return ": " + last
	}
	return ""
}
