package docker_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/docker"
	"github.com/colabo/colabo/providers/providertest"
)

// TestContract holds the provider to the contract with a small image that has no systemd.
func TestContract(t *testing.T) {
	dockertest.Engine(t)
	providertest.Run(t, harness(t, toolsBox(t)))
}

// TestContractOnBox does so with a real box, guest and systemd included.
func TestContractOnBox(t *testing.T) {
	dockertest.Engine(t)
	h := harness(t, realBox(t))
	h.Guest = openGuest
	providertest.Run(t, h)
}

// harness is that of an image, which is removed from the engine when the test ends.
func harness(t *testing.T, image providers.Image) providertest.Harness {
	t.Helper()
	p := open(t)
	t.Cleanup(func() {
		if err := p.RemoveImage(context.Background(), image.Digest); err != nil {
			t.Errorf("remove the test's box: %v", err)
		}
	})
	return providertest.Harness{
		Open:      func(t *testing.T) providers.Provider { return open(t) },
		Image:     image,
		Project:   dockertest.Unique("contract"),
		Leftovers: leftovers,
		Changes:   docker.Kind().Changes,
	}
}

func TestChanges(t *testing.T) { providertest.CheckChanges(t, docker.Kind()) }

// open connects to the tests' engine.
func open(t testing.TB) *docker.Provider {
	t.Helper()
	p, err := openCache(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// openCache connects like a process with that cache folder.
func openCache(t testing.TB, folder string) (*docker.Provider, error) {
	t.Helper()
	p, err := docker.Open(t.Context(), providers.Config{CacheDir: folder})
	if err == nil {
		t.Cleanup(func() { _ = p.Close() })
	}
	return p, err
}

// openGuest needs no waiting: exec works from the container's start.
func openGuest(t *testing.T, p providers.Provider, spec providers.Spec) guest.Guest {
	t.Helper()
	opener, ok := providers.As[providers.GuestOpener](p)
	if !ok {
		t.Fatal("the provider opens no guests")
	}
	g, err := opener.OpenGuest(t.Context(), spec.ID, spec.User)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// leftovers asks the docker command.
func leftovers(t *testing.T, project string) []string {
	t.Helper()
	var found []string
	filter := "label=colabo.project=" + project
	for _, args := range [][]string{
		{"ps", "--all", "--format", "container {{.Names}}"}, {"volume", "ls", "--format", "volume {{.Name}}"},
		{"network", "ls", "--format", "network {{.Name}}"}, {"image", "ls", "--all", "--format", "image {{.ID}}"},
	} {
		output, err := exec.CommandContext(t.Context(), "docker", append(args, "--filter", filter)...).CombinedOutput()
		if err != nil {
			t.Fatalf("docker %v: %v\n%s", args, err, output)
		}
		found = append(found, strings.FieldsFunc(string(output), func(r rune) bool { return r == '\n' })...)
	}
	return found
}

// toolsBox is a box of the host's own shell and tools.
func toolsBox(t testing.TB) providers.Image {
	t.Helper()
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(dockertest.ToolsRootfs(t)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return box(t, packed.Bytes(), "tools & more")
}

// realBox is a box with systemd in it, which a test run is told of.
func realBox(t testing.TB) providers.Image {
	t.Helper()
	file := os.Getenv("COLABO_TEST_BOX_ROOTFS")
	if file == "" {
		dockertest.Missing(t, "COLABO_TEST_BOX_ROOTFS does not name the rootfs.tar.zst of a box")
	}
	return providers.Image{Name: "debian-12", Digest: "sha256:" + dockertest.Unique("box"), Rootfs: file}
}

// box is a box of that content, with a digest that no other run of the tests has.
func box(t testing.TB, packed []byte, name string) providers.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rootfs.tar.zst")
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(dockertest.Unique("box")))
	return providers.Image{Name: name, Digest: "sha256:" + hex.EncodeToString(sum[:]), Rootfs: file}
}
