package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rootOffset is where the box's root file system begins on its disk, in bytes.
const rootOffset = "1048576"

// TestBootCause boots boxes that can't come up: the cause is named in the guest's own words, as soon as its console tells it.
func TestBootCause(t *testing.T) {
	need(t, "libvirt")
	if os.Geteuid() != 0 {
		lacking(t, "only root can mount a disk to change it")
	}
	for name, test := range map[string]struct {
		change string // a script that breaks the file system in $1
		want   []string
	}{
		"no root device": {
			`sed -i 's|root=[^ ]*|root=/dev/nope|' "$1/boot/extlinux/extlinux.conf"`,
			[]string{"the kernel does not find the root file system", "/dev/nope: Can't open blockdev"},
		},
		"kernel panic": {
			`rm -f "$1/usr/sbin/init" "$1/usr/lib/systemd/systemd"`,
			[]string{"the guest's kernel panicked", "Kernel panic - not syncing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, map[string]string{"Colabofile": "provider = \"libvirt\"\n[machine.dev]\nbox = \"broken\"\nmemory = \"512MiB\"\n"})
			p.env = []string{"XDG_DATA_HOME=" + brokenBox(t, test.change)}
			r := p.exits(1, "up")
			for _, want := range test.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("the error does not say %q:\n%s", want, r.stderr)
				}
			}
			p.must("destroy", "-f")
			p.must("box", "remove", "broken")
		})
	}
}

// brokenBox returns a folder for data that has a box "broken": a copy of the tests' box, changed by a script.
func brokenBox(t *testing.T, change string) string {
	t.Helper()
	source := os.Getenv("COLABO_TEST_BOX_DISK")
	if source == "" {
		lacking(t, "COLABO_TEST_BOX_DISK does not name the disk of a box")
	}
	data := t.TempDir()
	box := filepath.Join(data, "colabo", "boxes", "broken@1")
	if err := os.MkdirAll(box, 0o755); err != nil {
		t.Fatal(err)
	}
	raw, mount := filepath.Join(t.TempDir(), "disk.raw"), t.TempDir()
	disk := filepath.Join(box, "disk.qcow2")
	script := `set -e
qemu-img convert -O raw "$1" "$2"
mount -o loop,offset=` + rootOffset + ` "$2" "$3"
trap 'umount "$3"' EXIT
sh -ec '` + strings.ReplaceAll(change, "'", `'\''`) + `' sh "$3"
umount "$3"
trap - EXIT
qemu-img convert -O qcow2 "$2" "$4"`
	if out, err := exec.Command("sh", "-c", script, "sh", source, raw, mount, disk).CombinedOutput(); err != nil {
		t.Fatalf("make a broken box: %v\n%s", err, out)
	}
	image, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(raw)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(image)
	description := fmt.Sprintf(`{"name": "broken", "version": "1", "arch": "amd64", "digest": "sha256:%x", "disk_size": %d,
		"files": [{"name": "disk.qcow2", "size": %d, "sha256": "%x"}]}`, digest, info.Size(), len(image), digest)
	if err := os.WriteFile(filepath.Join(box, "box.json"), []byte(description), 0o644); err != nil {
		t.Fatal(err)
	}
	return data
}
