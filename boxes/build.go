package boxes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/colabo/colabo/internal/hint"
)

// stageWait is the stage of a build that waits for another one of that name.
const stageWait = "wait for another build"

// lockPoll is how often a build looks whether the one it waits for has ended.
const lockPoll = 200 * time.Millisecond

// Build makes a new box by the recipe r and returns it; report may be nil.
//
// One build of a name runs at a time, over all processes: a second one waits, and returns the box that the first one made.
// When Build returns an error, or its process is killed, the store holds the same boxes as before, and the
// half-made one is deleted: at once, or by the next Build. ctx may end at any moment.
func (s *Store) Build(ctx context.Context, r Recipe, report func(Progress)) (Box, error) {
	box, err := s.build(ctx, r, serialized(report))
	if err == nil {
		return box, nil
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = ctx.Err() // what a killed tool said is of no use
	} else if errors.Is(err, syscall.ENOSPC) {
		err = hint.New(err, "free some space on the file system of "+s.dir)
	}
	return Box{}, fmt.Errorf("build box %s: %w", r.Name(), err)
}

func (s *Store) build(ctx context.Context, r Recipe, report func(Progress)) (Box, error) {
	name := r.Name()
	if !validName(name) {
		return Box{}, fmt.Errorf("%q can't be the name of a box", name)
	}
	if err := r.Check(); err != nil {
		return Box{}, err
	}
	before, err := s.newest(name)
	if err != nil {
		return Box{}, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return Box{}, err
	}
	unlock, err := s.lock(ctx, name, report)
	if err != nil {
		return Box{}, err
	}
	defer unlock()
	now, err := s.newest(name)
	if err != nil || now.Digest != before.Digest || now.Version != before.Version {
		return now, err // made by another process since we were asked
	}
	if err := errors.Join(s.sweep(buildPrefix+name+"@"), s.sweep(trashPrefix)); err != nil {
		return Box{}, fmt.Errorf("clean up after an earlier build: %w", err)
	}
	if err := checkSpace(s.dir, r.Space()); err != nil {
		return Box{}, err
	}
	return s.buildLocked(ctx, r, report)
}

// buildLocked makes the box in a folder of its own and moves it into place.
func (s *Store) buildLocked(ctx context.Context, r Recipe, report func(Progress)) (box Box, err error) {
	work, err := os.MkdirTemp(s.dir, buildPrefix+r.Name()+"@")
	if err != nil {
		return Box{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	tmp, out := filepath.Join(work, "tmp"), filepath.Join(work, "box")
	for _, dir := range []string{tmp, out} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return Box{}, err
		}
	}
	made, err := r.Build(ctx, tmp, report)
	if err != nil {
		return Box{}, err
	}
	report(Progress{Stage: "store box"})
	var names []string
	for _, f := range []struct{ path, name string }{{made.Disk, diskFile}, {made.Rootfs, rootfsFile}} {
		if f.path == "" {
			continue
		}
		if err := os.Rename(f.path, filepath.Join(out, f.name)); err != nil {
			return Box{}, err
		}
		names = append(names, f.name)
	}
	if len(names) == 0 {
		return Box{}, errors.New("the recipe made nothing")
	}
	built := time.Now().UTC()
	rec := record{
		Name: r.Name(), Version: s.freeVersion(r.Name(), built.Format("20060102")),
		Arch: r.Arch(), Built: built, DiskSize: made.DiskSize,
	}
	if err := writeRecord(out, rec, names); err != nil {
		return Box{}, err
	}
	if ctx.Err() != nil {
		return Box{}, ctx.Err()
	}
	return s.publish(out, rec)
}

// publish moves the finished box in dir to its place.
func (s *Store) publish(dir string, rec record) (Box, error) {
	place := s.path(rec.Name, rec.Version)
	if err := os.Rename(dir, place); err != nil {
		return Box{}, err
	}
	if err := syncDir(s.dir); err != nil {
		return Box{}, err
	}
	return readBox(place)
}

// lock waits for its turn to build the box of that name. The lock ends with the process that holds it.
func (s *Store) lock(ctx context.Context, name string, report func(Progress)) (unlock func(), err error) {
	l := flock.New(filepath.Join(s.dir, lockPrefix+name))
	got, err := l.TryLock()
	if err == nil && !got {
		report(Progress{Stage: stageWait})
		_, err = l.TryLockContext(ctx, lockPoll)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	return func() { _ = l.Unlock() }, nil
}

// checkSpace finds a disk that is too full before an hour's work finds it.
func checkSpace(dir string, need int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if free := int64(st.Bavail) * st.Bsize; free < need {
		return fmt.Errorf("%s has %d MiB free, the build takes %d MiB: %w", dir, free>>20, need>>20, syscall.ENOSPC)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// serialized makes report safe to be called from several goroutines, and never nil.
func serialized(report func(Progress)) func(Progress) {
	if report == nil {
		return func(Progress) {}
	}
	var mu sync.Mutex
	return func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		report(p)
	}
}
