package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestGC deletes a project's folder while its machine runs: `ls` still knows it, and `gc` leaves nothing of it.
func TestGC(t *testing.T) {
	onEach(t, func(t *testing.T, provider string) {
		before := inventory(t)
		p := newProject(t, map[string]string{"Colabofile": "name = \"lost\"\n[machine.dev]\nmemory = \"512MiB\"\n"})
		p.env = []string{"COLABO_PROVIDER=" + provider, "XDG_STATE_HOME=" + t.TempDir()}
		p.must("up")
		if r := p.must("ls"); !strings.Contains(r.stdout, "1/1 "+provider) || !strings.Contains(r.stdout, p.dir) {
			t.Errorf("ls says:\n%s", r.stdout)
		}
		lost := p.dir
		if err := os.RemoveAll(lost); err != nil {
			t.Fatal(err)
		}
		p.dir = t.TempDir()
		if r := p.must("ls"); !strings.Contains(r.stdout, lost+" (its folder is gone)") {
			t.Errorf("after its folder was deleted, ls says:\n%s", r.stdout)
		}
		p.must("gc", "-f", lost)
		if r := p.must("ls"); strings.Contains(r.stdout, lost) {
			t.Errorf("after gc, ls says:\n%s", r.stdout)
		}
		checkNothingLeft(t, before, lost)
		p.write("Colabofile", "[machine.dev]\n") // so that the clean-up can read it
	})
}
