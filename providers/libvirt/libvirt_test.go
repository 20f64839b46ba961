package libvirt

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/cloudinit"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// openLibvirt connects to the daemon. Without one the test is skipped, or fails where COLABO_REQUIRE names libvirt.
func openLibvirt(t testing.TB) *provider {
	t.Helper()
	opened, err := open(t.Context(), providers.Config{Settings: &Settings{}})
	if err == nil {
		_, err = opened.Check(t.Context())
	}
	if err != nil {
		missing(t, fmt.Sprintf("libvirt can't be used here: %v (%s)", err, hint.Of(err)))
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return opened.(*provider)
}

// missing skips the test, or fails it where COLABO_REQUIRE names libvirt.
func missing(t testing.TB, what string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("COLABO_REQUIRE"), ","), name) {
		t.Fatal("COLABO_REQUIRE=libvirt: " + what)
	}
	t.Skip(what)
}

// findTool is the path of a program of the host.
func findTool(t testing.TB, tool, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		missing(t, fmt.Sprintf("%s (%s) is not installed", tool, debianPackage))
	}
	return path
}

// emptyImage is a qcow2 of 1 GiB without a single data cluster: a head, an L1 table, and a refcount table and block.
func emptyImage(t testing.TB) providers.Image {
	t.Helper()
	const cluster = 64 << 10
	image := make([]byte, 4*cluster)
	be := binary.BigEndian
	be.PutUint32(image[0:], qcow2Magic)
	be.PutUint32(image[4:], 2)
	be.PutUint32(image[20:], 16)        // cluster bits
	be.PutUint64(image[24:], 1<<30)     // size
	be.PutUint32(image[36:], 2)         // L1 entries, of 512 MiB each
	be.PutUint64(image[40:], 3*cluster) // L1 table
	be.PutUint64(image[48:], cluster)   // refcount table
	be.PutUint32(image[56:], 1)         // its clusters
	be.PutUint64(image[cluster:], 2*cluster)
	for i := range 4 {
		be.PutUint16(image[2*cluster+2*i:], 1)
	}
	path := filepath.Join(t.TempDir(), "empty.qcow2")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	return providers.Image{Name: "empty", Digest: "sha256:" + nonceHex() + strings.Repeat("ab", 28), Disk: path, DiskSize: 1 << 30}
}

// nonceHex is 8 hexadecimal digits that no other run has.
func nonceHex() string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}

// testSpec is a machine of the project that does not boot anything.
func testSpec(image providers.Image, project, machine string) providers.Spec {
	mac := "52:54:00:" + machineUUID(providers.ID{Project: project, Machine: machine})[:6]
	mac = mac[:9] + mac[9:11] + ":" + mac[11:13] + ":" + mac[13:15]
	return providers.Spec{
		ID:          providers.ID{Project: project, Machine: machine},
		ProjectName: "fun time", ProjectDir: "/srv/fun time", Hostname: machine,
		CPUs: 1, Memory: 256 << 20, Image: image, MAC: mac, User: "colabo", Digest: "sha256:spec",
		CloudInit: cloudinit.Config{
			InstanceID: project + "-" + machine, Hostname: machine, User: "colabo", MAC: mac,
			AuthorizedKeys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample test"},
			HostKey:        cloudinit.HostKey{Private: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", Public: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"},
		},
	}
}

// purge removes what the test made, when it ends.
func purge(t testing.TB, p *provider, project string) {
	t.Helper()
	t.Cleanup(func() {
		if err := p.Purge(context.Background(), project); err != nil {
			t.Errorf("purge %s: %v", project, err)
		}
	})
}

// removeImage removes what the pool holds of the image when the test, and what it has to purge, ends.
func removeImage(t testing.TB, p *provider, image providers.Image) {
	t.Helper()
	t.Cleanup(func() {
		if err := p.RemoveImage(context.Background(), image.Digest); err != nil {
			t.Errorf("remove the test's box: %v", err)
		}
	})
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
