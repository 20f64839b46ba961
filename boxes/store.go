package boxes

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Store is a folder of boxes. All its methods may be called from several processes at once:
// who reads sees a box whole or not at all.
type Store struct {
	dir string
}

// Prefixes of what is in a store and is no box. Names of boxes don't begin with a dot.
const (
	buildPrefix = ".build-" // a folder in which a box is made
	trashPrefix = ".trash-" // a folder on its way out
	lockPrefix  = ".lock-"  // the lock of all builds of one name
)

// OpenStore returns the store in dir. The folder need not exist: the first build makes it, for this user only.
func OpenStore(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open box store: %w", err)
	}
	return &Store{dir: dir}, nil
}

// List returns all boxes, sorted by name; of one name, the newest first.
func (s *Store) List() ([]Box, error) {
	boxes, err := s.read(func(string, string) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("list boxes: %w", err)
	}
	return boxes, nil
}

// Get returns the newest box of that name, or with "name@version" that very one.
// The error is ErrNotFound where there is none. A box whose files are gone or cut short is an error with a hint.
func (s *Store) Get(name string) (Box, error) {
	boxes, err := s.find(name)
	if err != nil {
		return Box{}, err
	}
	if err := checkFiles(s.boxDir(boxes[0])); err != nil {
		return Box{}, err
	}
	return boxes[0], nil
}

// Remove deletes all boxes of that name, or with "name@version" that very one. The error is ErrNotFound where there is none.
// Whether something still runs on the box is for the caller to know.
func (s *Store) Remove(name string) error {
	boxes, err := s.find(name)
	if err != nil {
		return err
	}
	for _, b := range boxes {
		if err := s.discard(b); err != nil {
			return fmt.Errorf("remove box %s: %w", name, err)
		}
	}
	return s.sweep(trashPrefix)
}

// find returns the boxes that name or name@version means, the newest first, and at least one.
func (s *Store) find(ref string) ([]Box, error) {
	name, version, exact := strings.Cut(ref, "@")
	boxes, err := s.read(func(n, v string) bool { return n == name && (!exact || v == version) })
	if err == nil && len(boxes) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("box %q: %w", ref, err)
	}
	return boxes, nil
}

// newest returns the newest box of that name, or a zero one.
func (s *Store) newest(name string) (Box, error) {
	boxes, err := s.find(name)
	if errors.Is(err, ErrNotFound) {
		return Box{}, nil
	}
	if err != nil {
		return Box{}, err
	}
	return boxes[0], nil
}

// read returns the boxes whose name and version are wanted, in the order of List.
func (s *Store) read(want func(name, version string) bool) ([]Box, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var boxes []Box
	for _, e := range entries {
		name, version, ok := strings.Cut(e.Name(), "@")
		if !ok || !validName(name) || !want(name, version) {
			continue
		}
		b, err := readBox(filepath.Join(s.dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since we looked
		}
		if err != nil {
			return nil, err
		}
		b.Name, b.Version = name, version // the folder is what Get and Remove go by
		boxes = append(boxes, b)
	}
	slices.SortStableFunc(boxes, func(a, b Box) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), b.Built.Compare(a.Built), cmp.Compare(b.Version, a.Version))
	})
	return boxes, nil
}

func (s *Store) boxDir(b Box) string { return s.path(b.Name, b.Version) }

func (s *Store) path(name, version string) string { return filepath.Join(s.dir, name+"@"+version) }

// discard takes a box out of sight at once, and leaves the deleting to sweep.
func (s *Store) discard(b Box) error {
	err := os.Rename(s.boxDir(b), filepath.Join(s.dir, trashPrefix+rand.Text()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // somebody else was faster
	}
	return err
}

// sweep deletes the entries of the store with that prefix, whoever left them.
func (s *Store) sweep(prefix string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, e.Name())))
		}
	}
	return err
}

// freeVersion returns day, or day.2, day.3... where that is taken.
func (s *Store) freeVersion(name, day string) string {
	version := day
	for n := 2; ; n++ {
		if _, err := os.Lstat(s.path(name, version)); errors.Is(err, fs.ErrNotExist) {
			return version
		}
		version = day + "." + strconv.Itoa(n)
	}
}

// validName tells whether name can be that of a box: one path element, no dot in front.
func validName(name string) bool {
	return name != "" && name[0] != '.' && !strings.ContainsAny(name, "/\\@\x00")
}
