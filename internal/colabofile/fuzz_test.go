package colabofile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad: whatever the text is, Load ends, and each problem has a place in the file.
func FuzzLoad(f *testing.F) {
	f.Add(whole)
	f.Add("[[machine.dev.provision]]\ntype = 'shell'\ninline = \"${var.x}\"\r\n[machine.dev.libvirt]\ndisks = [{}]")
	archives, _ := filepath.Glob("testdata/broken/*.txtar")
	for _, path := range archives {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(data), "-- ") {
			_, text, _ := strings.Cut(part, "\n")
			f.Add(text)
		}
	}
	env := testEnv()
	env.Steps = env.Steps[:1] // the others look at the disk, or are like it
	f.Fuzz(func(t *testing.T, text string) {
		p, err := load(text, env)
		if err == nil {
			if len(p.Machines) == 0 {
				t.Error("a project without machines was taken")
			}
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("got %v, want Problems", err)
		}
		lines := strings.Count(text, "\n") + 1
		for _, problem := range problems {
			if problem.Pos.Line < 1 || problem.Pos.Line > lines || problem.Pos.Column < 1 || problem.Text == "" {
				t.Errorf("a problem without a place: %v", problem)
			}
			if strings.ContainsAny(problem.Text, "\n\r") {
				t.Errorf("a problem of several lines: %q", problem.Text)
			}
		}
	})
}

// BenchmarkLoad reads 50 machines with all that they can have.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("[variables]\npassword = \"x\"\n[defaults]\nmemory = \"1GiB\"\n")
	for i := range 50 {
		fmt.Fprintf(&text, `
[machine.m%d]
cpus = 2
depends_on = ["m%d"]
ports = ["%d:80", { guest = 443, host = %d }]
env = { A = "${var.password}", B = "b" }
[machine.m%d.libvirt]
accelerator = "tcg"
[[machine.m%d.provision]]
type = "shell"
inline = """
echo ${var.password}
"""
[[machine.m%d.provision]]
type = "container"
image = "api"
ports = ["%d:8081"]
[[machine.m%d.check]]
tcp = "127.0.0.1:80"
`, i, i+1, 10000+i, 20000+i, i, i, i, 30000+i, i)
	}
	text.WriteString("[machine.m50]\n")
	env := testEnv()
	for b.Loop() {
		if _, err := load(text.String(), env); err != nil {
			b.Fatal(err)
		}
	}
}
