package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/colabo/colabo/internal/cli"
	"github.com/colabo/colabo/internal/ui"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/providertest"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/file"
	"github.com/colabo/colabo/provisioners/shell"
)

// TestMain makes the test binary the program, with the Fake for a provider: each command of a script is a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"colabo": func() {
			os.Exit(cli.Main(cli.Program{
				Version:   "test",
				Providers: []providers.Kind{providertest.FakeKind(os.Getenv("FAKE"))},
				Steps:     []provisioners.Kind{shell.Kind(), file.Kind()},
			}, os.Args[1:], ui.System()))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// edit MACHINE KEY VALUE: somebody edits a machine behind our back.
			"edit": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(providertest.Edit(ts.Getenv("FAKE"), providers.ID{Machine: args[0]}, args[1], args[2]))
			},
		},
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("FAKE", filepath.Join(env.WorkDir, "fake"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			return os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o755)
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
