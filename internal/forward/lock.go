package forward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// The files of a project's background process, in its folder.
const (
	lockName = "forward.lock" // locked for as long as the process lives; its content is the process id
	linkName = "forward.sock" // symbolic link to the control socket, whose own path must be short
)

// pollInterval is how often a wait for another process looks again.
const pollInterval = 10 * time.Millisecond

// errAnother: another process serves the project.
var errAnother = errors.New("another process serves the project's port forwards")

// lockProject makes this process the one that serves dir. It waits for those that only look (running), whose lock is
// shared, but not for another server.
func lockProject(ctx context.Context, dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	err := poll(ctx, func() (bool, error) {
		if locked, err := lock.TryLock(); locked || err != nil {
			return locked, err
		}
		if is, err := running(dir); is || err != nil {
			return false, cmp.Or(err, errAnother)
		}
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
	}
	if err := os.WriteFile(lock.Path(), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}

// running reports whether a process serves dir. The lock alone decides.
func running(dir string) (bool, error) {
	path := filepath.Join(dir, lockName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	// A shared lock, so that two that look don't see each other.
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, fmt.Errorf("look for port forwards: %w", err)
	}
	_ = lock.Close()
	return !free, nil
}

// holder is the process that holds the lock; to be asked only while running() says so.
func holder(dir string) (int, error) {
	content, err := os.ReadFile(filepath.Join(dir, lockName))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s: no process id in it", filepath.Join(dir, lockName))
	}
	return pid, nil
}

// awaitGone waits until no process serves dir.
func awaitGone(ctx context.Context, dir string) error {
	return poll(ctx, func() (bool, error) {
		is, err := running(dir)
		return !is, err
	})
}

// poll asks until it is told yes.
func poll(ctx context.Context, ask func() (bool, error)) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
