package libvirt

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

func TestSortBox(t *testing.T) {
	var all []volume
	for _, volumeName := range []string{
		"box-aa-1.qcow2", "box-aa-1.ok", // whole
		"box-aa-2.qcow2", // in the making, or left
		"box-aa-3.ok",    // its volume is gone
		"box-bb-4.qcow2", "box-bb-4.ok", "p.box-aa-5.id.root.qcow2",
	} {
		all = append(all, volume{name: volumeName})
	}
	found := sortBox(all, "box-aa-")
	for what, test := range map[string]struct {
		got  []volume
		want string
	}{
		"whole":   {found.whole, "box-aa-1.qcow2"},
		"marks":   {found.marks, "box-aa-1.ok"},
		"partial": {found.partial, "box-aa-2.qcow2"},
		"orphans": {found.orphans, "box-aa-3.ok"},
	} {
		if len(test.got) != 1 || test.got[0].name != test.want {
			t.Errorf("%s are %v, want %s", what, test.got, test.want)
		}
	}
}

func TestBoxPrefixWantsADigest(t *testing.T) {
	if got, err := boxPrefix("sha256:" + strings.Repeat("AB", 32)); err != nil || got != "box-abababababababab-" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, digest := range []string{"", "sha256:", "sha256:zz", "sha256:../../../../etc/passwd00", "sha256:abcd"} {
		if prefix, err := boxPrefix(digest); err == nil {
			t.Errorf("digest %q gave %q", digest, prefix)
		}
	}
}

func TestSourceRefusesWhatIsNoBox(t *testing.T) {
	good := emptyImage(t)
	content, err := os.ReadFile(good.Disk)
	if err != nil {
		t.Fatal(err)
	}
	backed := append([]byte(nil), content...)
	backed[15] = 1 // offset of the backing file's name
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"raw":          {make([]byte, 1<<20), "no qcow2"},
		"empty":        {nil, "no qcow2"},
		"cut off":      {content[:20], "no qcow2"},
		"backing file": {backed, "backing file"},
	} {
		t.Run(name, func(t *testing.T) {
			image := good
			image.Disk = filepath.Join(t.TempDir(), "disk.qcow2")
			if err := os.WriteFile(image.Disk, test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := openSource(image); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	for name, image := range map[string]providers.Image{
		"missing":      {Name: "x", Digest: good.Digest, Disk: filepath.Join(t.TempDir(), "none")},
		"docker image": {Reference: "debian:12"},
	} {
		if _, err := openSource(image); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	src, err := openSource(good)
	if err != nil {
		t.Fatal(err)
	}
	defer src.file.Close()
	if src.virtualSize != 1<<30 || src.fileSize != int64(len(content)) {
		t.Errorf("got %+v", src.qcow2)
	}
}

// inPool opens the test's image and the pool.
func inPool(t testing.TB, p *provider, image providers.Image) (*binding.Connect, *binding.StoragePool, *source) {
	t.Helper()
	conn, err := p.connection(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pool, err := p.ensurePool(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { free(pool) })
	src, err := openSource(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.file.Close() })
	return conn, pool, src
}

// TestBoxFromSeveralConnections: providers that know nothing of each other bring the same box in at the same time.
func TestBoxFromSeveralConnections(t *testing.T) {
	image := emptyImage(t)
	removeImage(t, openLibvirt(t), image)
	var wg sync.WaitGroup
	paths, errs := make([]string, 4), make([]error, 4)
	for i := range paths {
		p := openLibvirt(t)
		conn, pool, src := inPool(t, p, image)
		wg.Go(func() { paths[i], errs[i] = p.ensureBox(t.Context(), conn, pool, src, func(string) {}) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(image.Disk)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		got, err := os.ReadFile(path)
		if errors.Is(err, os.ErrPermission) {
			t.Skip("the pool can't be read by this user")
		}
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not the box: %v", path, err)
		}
	}
}

// TestBoxCutOff: an upload that ends early leaves nothing, and what a killed process left is never used.
func TestBoxCutOff(t *testing.T) {
	p := openLibvirt(t)
	image := emptyImage(t)
	removeImage(t, p, image)
	conn, pool, src := inPool(t, p, image)
	half := io.LimitReader(src.file, 1000)

	broken := rawVolume(src.prefix+"broken"+boxSuffix, "0644")
	if _, err := createVolume(t.Context(), conn, pool, broken, io.MultiReader(half, iotest.ErrReader(io.ErrNoProgress))); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader's error came back as %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := io.MultiReader(half, readerFunc(func([]byte) (int, error) { cancel(); return 1, nil }))
	if _, err := createVolume(ctx, conn, pool, rawVolume(src.prefix+"stopped"+boxSuffix, "0644"), stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled upload returned %v", err)
	}
	if found := boxOf(t, pool, src); len(found.partial)+len(found.whole) != 0 {
		t.Errorf("after uploads that failed there is %v", found)
	}

	killed := rawVolume(src.prefix+"killed"+boxSuffix, "0644")
	if _, err := createVolume(t.Context(), conn, pool, killed, strings.NewReader("QFI\xfb")); err != nil {
		t.Fatal(err)
	}
	reports := 0
	path, err := p.ensureBox(t.Context(), conn, pool, src, func(string) { reports++ })
	if err != nil || strings.Contains(path, "killed") {
		t.Fatalf("got %q, %v", path, err)
	}
	if reports != 2 {
		t.Errorf("%d reports, want one of the wait and one of the upload", reports)
	}
	if found := boxOf(t, pool, src); len(found.partial) != 0 || len(found.whole) != 1 {
		t.Errorf("the pool holds %v, want the whole box alone", found)
	}
}

// TestRemoveImage: a box that a machine needs stays.
func TestRemoveImage(t *testing.T) {
	p := openLibvirt(t)
	image := emptyImage(t)
	removeImage(t, p, image)
	project := "lvremove" + nonceHex()
	purge(t, p, project)
	spec := testSpec(image, project, "web")
	if err := p.Create(t.Context(), spec, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := p.RemoveImage(t.Context(), image.Digest); err == nil || !strings.Contains(err.Error(), "web of project "+project) {
		t.Errorf("removing a box in use returned %v", err)
	}
	if err := p.Start(t.Context(), spec.ID); err != nil {
		t.Errorf("the machine does not start any more: %v", err)
	}
	if err := p.Purge(t.Context(), project); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.RemoveImage(t.Context(), image.Digest); err != nil {
			t.Errorf("removing a box that nobody uses: %v", err)
		}
	}
	_, pool, src := inPool(t, p, image)
	if found := boxOf(t, pool, src); len(found.whole)+len(found.partial)+len(found.orphans)+len(found.marks) != 0 {
		t.Errorf("%v is left", found)
	}
}

// boxOf is what the pool holds of the box.
func boxOf(t *testing.T, pool *binding.StoragePool, src *source) boxVolumes {
	t.Helper()
	all, err := volumes(pool)
	if err != nil {
		t.Fatal(err)
	}
	defer freeVolumes(all)
	return sortBox(all, src.prefix)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
