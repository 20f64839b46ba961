package boxes

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestRunLeavesNoTemporaryFiles: whether a tool ends, fails or is killed, its temporary files go, and the error names the stage.
func TestRunLeavesNoTemporaryFiles(t *testing.T) {
	if err := exec.Command("unshare", slices.Concat(isolated, []string{"true"})...).Run(); err != nil {
		t.Skipf("namespaces can't be made here: %v", err)
	}
	for name, test := range map[string]struct {
		script string
		fails  bool
	}{
		"ends":   {"echo ready", false},
		"fails":  {"echo ready; exit 3", true},
		"killed": {"echo ready; sleep 600", true},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			t.Setenv("TMPDIR", folder)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			report := func(p Progress) {
				if p.Detail == "ready" && name == "killed" {
					cancel()
				}
			}
			err := run(ctx, []string{"sh", "-c", `mktemp -d >/dev/null; ` + test.script}, "make tea", nil, report)
			if (err != nil) != test.fails || err != nil && !strings.HasPrefix(err.Error(), "make tea: ") {
				t.Errorf("got %v", err)
			}
			if _, ok := errors.AsType[*ToolError](err); ok != (name == "fails") || errors.Is(err, context.Canceled) != (name == "killed") {
				t.Errorf("got %v", err)
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}
