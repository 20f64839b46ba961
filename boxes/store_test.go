package boxes

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/hint"
)

// fakeRecipe makes a box of two small files, by hooks of the test.
type fakeRecipe struct {
	name  string
	space int64
	check func() error
	build func(ctx context.Context, dir string) error // nil: nothing more than the files
}

func (r fakeRecipe) Name() string { return r.name }
func (r fakeRecipe) Arch() string { return "amd64" }
func (r fakeRecipe) Space() int64 { return r.space }

func (r fakeRecipe) Check() error {
	if r.check != nil {
		return r.check()
	}
	return nil
}

func (r fakeRecipe) Build(ctx context.Context, dir string, report func(Progress)) (Artifacts, error) {
	made := Artifacts{Disk: filepath.Join(dir, "d"), DiskSize: 10 << 30, Rootfs: filepath.Join(dir, "r")}
	for path, content := range map[string]string{made.Disk: "disk of " + r.name, made.Rootfs: "root"} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return Artifacts{}, err
		}
	}
	report(Progress{Stage: "fake"})
	if r.build != nil {
		return made, r.build(ctx, dir)
	}
	return made, nil
}

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := OpenStore(filepath.Join(t.TempDir(), "data", "boxes"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustBuild(t *testing.T, s *Store, name string) Box {
	t.Helper()
	b, err := s.Build(t.Context(), fakeRecipe{name: name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// entries lists what is in the store, locks aside.
func entries(t *testing.T, s *Store) []string {
	t.Helper()
	list, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), lockPrefix) {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestEmptyStore(t *testing.T) {
	s := openStore(t)
	if boxes, err := s.List(); err != nil || len(boxes) != 0 {
		t.Errorf("List = %v, %v", boxes, err)
	}
	if _, err := s.Get("debian-12"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
	if err := s.Remove("debian-12"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Remove = %v", err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading made the folder: %v", err)
	}
}

func TestBuildThenGet(t *testing.T) {
	s := openStore(t)
	built := mustBuild(t, s, "one")
	got, err := s.Get("one")
	if err != nil || got != built {
		t.Fatalf("Get = %+v, %v; built %+v", got, err, built)
	}
	disk, err := os.ReadFile(got.Disk)
	if err != nil || string(disk) != "disk of one" {
		t.Errorf("disk = %q, %v", disk, err)
	}
	root, err := os.ReadFile(got.Rootfs)
	if err != nil || string(root) != "root" {
		t.Errorf("rootfs = %q, %v", root, err)
	}
	if got.Size != int64(len(disk)+len(root)) || got.DiskSize != 10<<30 || got.Arch != "amd64" || got.Built.IsZero() {
		t.Errorf("box = %+v", got)
	}
	fi, err := os.Stat(s.dir)
	if err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("store is %v, %v", fi.Mode(), err)
	}
	if left := entries(t, s); len(left) != 1 {
		t.Errorf("store holds %q", left)
	}
}

func TestDigestIsOfTheContents(t *testing.T) {
	s := openStore(t)
	a, again, other := mustBuild(t, s, "one"), mustBuild(t, s, "one"), mustBuild(t, s, "two")
	if a.Digest != again.Digest {
		t.Errorf("same contents, digests %s and %s", a.Digest, again.Digest)
	}
	if a.Digest == other.Digest {
		t.Errorf("other contents, same digest %s", a.Digest)
	}
}

func TestVersions(t *testing.T) {
	s := openStore(t)
	first, second := mustBuild(t, s, "one"), mustBuild(t, s, "one")
	mustBuild(t, s, "another")
	if first.Version == second.Version {
		t.Fatalf("two boxes of version %s", first.Version)
	}
	if got, err := s.Get("one"); err != nil || got != second {
		t.Errorf("Get(one) = %+v, %v; want the newest", got, err)
	}
	if got, err := s.Get("one@" + first.Version); err != nil || got != first {
		t.Errorf("Get(one@first) = %+v, %v", got, err)
	}
	boxes, err := s.List()
	var order []string
	for _, b := range boxes {
		order = append(order, b.Name+"@"+b.Version)
	}
	want := []string{"another@" + first.Version, "one@" + second.Version, "one@" + first.Version}
	if err != nil || !slices.Equal(order, want) {
		t.Errorf("List = %q, %v; want %q", order, err, want)
	}
	if err := s.Remove("one@" + first.Version); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get("one"); err != nil || got != second {
		t.Errorf("after Remove of the first, Get = %+v, %v", got, err)
	}
}

func TestRemove(t *testing.T) {
	s := openStore(t)
	mustBuild(t, s, "one")
	mustBuild(t, s, "one")
	if err := s.Remove("one"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("one"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
	if left := entries(t, s); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

func TestNamesStayInTheStore(t *testing.T) {
	s := openStore(t)
	mustBuild(t, s, "one")
	for _, name := range []string{"", ".", "..", "../boxes/one", "/etc", "one@..", ".lock-one", "a\x00b"} {
		if _, err := s.Get(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q) = %v", name, err)
		}
		if err := s.Remove(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Remove(%q) = %v", name, err)
		}
		if _, err := s.Build(t.Context(), fakeRecipe{name: name}, nil); err == nil {
			t.Errorf("Build(%q) went through", name)
		}
	}
}

func TestDamagedBox(t *testing.T) {
	s := openStore(t)
	b := mustBuild(t, s, "one")
	if err := os.Truncate(b.Disk, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("one"); err == nil || hint.Of(err) == "" {
		t.Errorf("Get = %v, hint %q", err, hint.Of(err))
	}
	if err := s.Remove("one"); err != nil {
		t.Errorf("Remove = %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	s := openStore(t)
	_, err := s.Build(t.Context(), fakeRecipe{name: "one", space: 1 << 60}, nil)
	if !errors.Is(err, syscall.ENOSPC) || hint.Of(err) == "" {
		t.Errorf("Build = %v, hint %q", err, hint.Of(err))
	}
	full := func(context.Context, string) error {
		return &ToolError{Argv: []string{"tar"}, Output: "tar: x: Cannot write: No space left on device", Err: errors.New("exit status 2")}
	}
	_, err = s.Build(t.Context(), fakeRecipe{name: "one", build: full}, nil)
	if !errors.Is(err, syscall.ENOSPC) || hint.Of(err) == "" {
		t.Errorf("Build = %v, hint %q", err, hint.Of(err))
	}
	if left := entries(t, s); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

func TestBoxesOfOneMomentAreInOrder(t *testing.T) {
	s := openStore(t)
	for range 11 {
		mustBuild(t, s, "one")
	}
	boxes, err := s.List()
	if err != nil || !slices.IsSortedFunc(boxes, func(a, b Box) int { return b.Built.Compare(a.Built) }) {
		t.Errorf("List = %+v, %v", boxes, err)
	}
	if got := boxes[0].Version; got != time.Now().UTC().Format("20060102")+".11" {
		t.Errorf("the eleventh is version %s", got)
	}
}
