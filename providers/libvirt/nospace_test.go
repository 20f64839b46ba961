package libvirt

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// TestNoSpace makes a machine in pools that are too small, by more and less, so that each of its volumes is once the one
// for which there is no room.
func TestNoSpace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	openLibvirt(t)
	image := emptyImage(t)
	refused := 0
	for kib := 128; kib <= 2048; kib += 128 {
		t.Run(fmt.Sprintf("%d KiB", kib), func(t *testing.T) {
			p := openLibvirt(t)
			smallPool(t, p, kib)
			project := "lvspace" + nonceHex()
			purge(t, p, project)
			spec := testSpec(image, project, "web")
			err := p.Create(t.Context(), spec, func(string) {})
			if err == nil {
				return
			}
			refused++
			if !errors.Is(err, providers.ErrNoSpace) || hint.Of(err) == "" {
				t.Errorf("got %v (hint %q), want ErrNoSpace with a hint", err, hint.Of(err))
			}
			list, err := p.List(t.Context(), project)
			if err != nil || len(list) != 0 {
				t.Errorf("left behind: %v, %v", list, err)
			}
			if left := leftovers(t, project); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	if refused < 3 {
		t.Errorf("only %d pools were too small: the test has lost its point", refused)
	}
}

// smallPool gives the provider a pool of its own, on a file system of that size.
func smallPool(t *testing.T, p *provider, kib int) {
	t.Helper()
	dir := t.TempDir()
	size := fmt.Sprintf("size=%dk", kib)
	if output, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", size, "tmpfs", dir).CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("can't mount a tmpfs: %v: %s", err, output))
	}
	p.place = poolPlace{name: "lvspace" + nonceHex(), path: dir}
	t.Cleanup(func() {
		conn, err := p.library.NewConnect(p.uri)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if pool, err := conn.LookupStoragePoolByName(p.place.name); err == nil {
			err = errors.Join(pool.Destroy(), pool.Undefine(), pool.Free())
			if err != nil {
				t.Errorf("remove the test's pool: %v", err)
			}
		}
		if output, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, output)
		}
	})
}
