package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/colabo/colabo/internal/cli"
	"github.com/colabo/colabo/internal/ui"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/providertest"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/shell"
)

// fakeVariable makes the test binary colabo with the Fake for a provider; it names the folder of the Fake's machines.
const fakeVariable = "COLABO_E2E_FAKE"

// runFake runs one command line of such a colabo.
func runFake(dir string) int {
	return cli.Main(cli.Program{
		Version:   "test",
		Providers: []providers.Kind{providertest.FakeKind(dir)},
		Steps:     []provisioners.Kind{shell.Kind()},
	}, os.Args[1:], ui.System())
}

// onFake has the project's commands work on the Fake, each in a process of its own, and returns the folder of the Fake.
func (p *project) onFake(t testing.TB) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "fake")
	p.program = program
	p.env = append(p.env, fakeVariable+"="+dir)
	return dir
}

// checkFakeEmpty fails when the Fake in dir still has machines or networks.
func checkFakeEmpty(t *testing.T, dir string) {
	t.Helper()
	for _, pattern := range []string{"machines/*", "networks/*"} {
		left, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) > 0 {
			t.Errorf("left behind on the Fake: %q", left)
		}
	}
}
