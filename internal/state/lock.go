package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Holder says who has the lock.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"` // "up"
	Since   time.Time `json:"since"`
}

// Lock is the right to change a project. It ends with its process, however that ends.
type Lock struct {
	flock  *flock.Flock
	holder string // path of the file that says who it is
}

// lockRetry is how often a waiting process looks again.
const lockRetry = 100 * time.Millisecond

// Lock waits until no other process changes the project, and takes that right. waiting is called once, when it has
// to wait, with the holder as far as it is known. The state folder is made.
func (f *Folder) Lock(ctx context.Context, command string, waiting func(Holder)) (*Lock, error) {
	for told := false; ; {
		lock, err := f.tryLock(command)
		if lock != nil || err != nil {
			return lock, err
		}
		if !told {
			waiting(f.holder())
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// BusyError says that another command works on the project.
type BusyError struct{ Holder Holder }

// Error names the command.
func (e *BusyError) Error() string {
	return fmt.Sprintf("`colabo %s` (pid %d) works on this project since %s",
		e.Holder.Command, e.Holder.PID, e.Holder.Since.Local().Format(time.TimeOnly))
}

// TryLock is Lock without waiting: where another process has the lock, the error is a *BusyError.
func (f *Folder) TryLock(command string) (*Lock, error) {
	lock, err := f.tryLock(command)
	if lock == nil && err == nil {
		err = &BusyError{f.holder()}
	}
	return lock, err
}

// tryLock returns nil without an error when another process has the lock.
func (f *Folder) tryLock(command string) (*Lock, error) {
	if err := f.Make(); err != nil {
		return nil, err
	}
	path := f.Path("lock")
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock project: %w", err)
	}
	if !locked {
		return nil, nil
	}
	// `destroy` removes the folder while it holds the lock: a lock on a file that is no longer there protects nothing.
	held, err := lock.Stat()
	if err != nil {
		return nil, fmt.Errorf("lock project: %w", err)
	}
	onDisk, err := os.Stat(path)
	if err != nil || !os.SameFile(held, onDisk) {
		return nil, lock.Unlock()
	}
	holder := Holder{PID: os.Getpid(), Command: command, Since: time.Now().UTC()}
	if err := f.writeJSON(f.Path("lock.json"), holder); err != nil {
		_ = lock.Unlock()
		return nil, err
	}
	return &Lock{flock: lock, holder: f.Path("lock.json")}, nil
}

func (f *Folder) holder() Holder {
	var holder Holder
	data, err := os.ReadFile(f.Path("lock.json"))
	if err == nil {
		_ = json.Unmarshal(data, &holder) // only for a message
	}
	return holder
}

// Working returns the command that works on the project right now, if there is one. It waits for nobody and takes no lock.
func (f *Folder) Working() (Holder, bool) {
	holder := f.holder()
	if holder.PID == 0 || syscall.Kill(holder.PID, 0) == syscall.ESRCH {
		return Holder{}, false // ended, or was killed before it could say so
	}
	return holder, true
}

// Unlock gives the right back.
func (l *Lock) Unlock() error {
	err := os.Remove(l.holder)
	if errors.Is(err, fs.ErrNotExist) { // `destroy` removes it with the folder
		err = nil
	}
	return errors.Join(err, l.flock.Unlock())
}
