// Package e2e runs the whole program as its users do, on real libvirt and Docker.
//
// COLABO names the binary (make builds it); without it the tests build their own. COLABO_REQUIRE=libvirt,docker turns
// the skip of a provider that is not usable here into a failure.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// colabo is the path of the binary under test.
var colabo = os.Getenv("COLABO")

func TestMain(m *testing.M) {
	if dir := os.Getenv(fakeVariable); dir != "" {
		os.Exit(runFake(dir))
	}
	if colabo == "" {
		dir, err := os.MkdirTemp("", "colabo-e2e-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		colabo = filepath.Join(dir, "colabo")
		build := exec.Command("go", "build", "-o", colabo, "../cmd/colabo")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("build colabo: %v\n%s", err, out))
		}
	}
	m.Run()
}

// onEach runs a test on every provider that is usable here.
func onEach(t *testing.T, test func(t *testing.T, provider string)) {
	for _, provider := range []string{"docker", "libvirt"} {
		t.Run(provider, func(t *testing.T) {
			need(t, provider)
			test(t, provider)
		})
	}
}

// probes ask a provider's daemon whether it is there, without colabo.
var probes = map[string][]string{
	"docker":  {"docker", "version"},
	"libvirt": {"virsh", "--connect", "qemu:///system", "version"},
}

// need skips the test where the provider can't be used, unless COLABO_REQUIRE says that it must.
func need(t *testing.T, provider string) {
	t.Helper()
	argv := probes[provider]
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("COLABO_REQUIRE"), ","), provider) {
		t.Fatalf("%s is required and does not answer: %v\n%s", provider, err, out)
	}
	t.Skipf("%s does not answer here: %v", provider, err)
}

// project is a folder with a Colabofile in which commands run; the test's end destroys it.
type project struct {
	t   *testing.T
	dir string
	env []string
	// program is run in the place of colabo, if any.
	program string
}

// newProject makes a project from files, name to content.
func newProject(t *testing.T, files map[string]string) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir()}
	for name, content := range files {
		p.write(name, content)
	}
	t.Cleanup(p.cleanUp)
	return p
}

// copyProject makes a project from a folder of this repository.
func copyProject(t *testing.T, from string) *project {
	t.Helper()
	p := newProject(t, nil)
	if err := os.CopyFS(p.dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(p.dir, ".colabo")); err != nil {
		t.Fatal(err)
	}
	return p
}

// in is the project for a subtest.
func (p *project) in(t *testing.T) *project {
	sub := *p
	sub.t = t
	return &sub
}

func (p *project) write(name, content string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func (p *project) cleanUp() {
	if result := p.run("destroy", "-f"); result.code != 0 {
		p.t.Errorf("destroy at the end: exit %d\n%s", result.code, result.stderr)
	}
}

// result is how a command went.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

func (p *project) command(ctx context.Context, args ...string) *exec.Cmd {
	program := colabo
	if p.program != "" {
		program = p.program
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// run runs colabo and waits for its end, whatever its exit code.
func (p *project) run(args ...string) result {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := p.command(context.Background(), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(begin)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.code = exit.ExitCode()
	} else if err != nil {
		p.t.Fatalf("run colabo %s: %v", strings.Join(args, " "), err)
	}
	p.t.Logf("colabo %s: exit %d after %s", strings.Join(args, " "), r.code, r.took.Round(time.Millisecond))
	return r
}

// must runs colabo and expects exit code 0.
func (p *project) must(args ...string) result {
	p.t.Helper()
	return p.exits(0, args...)
}

// exits runs colabo and expects this exit code.
func (p *project) exits(code int, args ...string) result {
	p.t.Helper()
	r := p.run(args...)
	if r.code != code {
		p.t.Fatalf("colabo %s: exit %d, want %d\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	return r
}
