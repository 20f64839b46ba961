package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestBadInput gives colabo what it can't work with: one clear error each, with its exit code, and nothing is made.
func TestBadInput(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	_, port, err := net.SplitHostPort(busy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		colabofile string
		env        []string
		code       int
		want       []string // all of them are in the error
	}{
		"unknown key": {
			colabofile: "[machine.dev]\nmemroy = \"1GiB\"\n",
			code:       3,
			want:       []string{`Colabofile:2:1: machine.dev.memroy: unknown key; did you mean "memory"?`},
		},
		"missing seed": {
			colabofile: "[machine.dev]\n[[machine.dev.provision]]\ntype = \"postgres\"\ndatabase = \"x\"\nseed = [\"nosuch.sql\"]\n",
			code:       3,
			want:       []string{"Colabofile:5:9: machine.dev.provision[0].seed[0]:", "nosuch.sql"},
		},
		"port in use": {
			colabofile: fmt.Sprintf("provider = \"docker\"\n[machine.dev]\nports = [\"%s:80\"]\n", port),
			code:       1,
			want:       []string{"Colabofile:3:10", "port 127.0.0.1:" + port + " is in use by e2e.test (pid", "auto_correct"},
		},
		"no such box": {
			colabofile: "provider = \"docker\"\n[machine.dev]\nbox = \"nosuch-1\"\n",
			code:       5,
			want:       []string{"nosuch-1", "not found", "colabo box list"},
		},
		"libvirtd does not run": {
			colabofile: "[provider]\nuse = \"libvirt\"\n[provider.libvirt]\nuri = \"qemu:///system?socket=/nonexistent/socket\"\n[machine.dev]\n",
			code:       4,
			want:       []string{"/nonexistent/socket", "libvirtd"},
		},
		"dockerd does not run": {
			colabofile: "provider = \"docker\"\n[machine.dev]\n",
			env:        []string{"DOCKER_HOST=unix:///nonexistent/docker.sock"},
			code:       4,
			want:       []string{"/nonexistent/docker.sock", "dockerd"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(test.colabofile, `"docker"`) && test.code != 4 {
				need(t, "docker")
			}
			before := inventory(t)
			p := newProject(t, map[string]string{"Colabofile": test.colabofile})
			p.env = test.env
			r := p.exits(test.code, "up")
			for _, want := range test.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("the error does not say %q:\n%s", want, r.stderr)
				}
			}
			if left := leftovers(t, before, p.dir); len(left) > 0 {
				t.Errorf("made all the same:\n%s", strings.Join(left, "\n"))
			}
			if _, err := os.Stat(filepath.Join(p.dir, ".colabo")); err == nil {
				t.Error("a state folder was made")
			}
			p.env = nil
			p.write("Colabofile", "[machine.dev]\n") // so that the clean-up can read it
		})
	}
}

// lacking skips a test for what the host or the user lacks, or fails it where COLABO_REQUIRE asks for docker.
func lacking(t *testing.T, reason string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("COLABO_REQUIRE"), ","), "docker") {
		t.Fatalf("COLABO_REQUIRE has docker, but: %s", reason)
	}
	t.Skip(reason)
}

// TestNoSocketPermission runs colabo as a user who may not use Docker.
func TestNoSocketPermission(t *testing.T) {
	need(t, "docker")
	if os.Geteuid() != 0 {
		lacking(t, "only root can become another user")
	}
	const nobody = 65534
	p := newProject(t, map[string]string{"Colabofile": "provider = \"docker\"\n[machine.dev]\n"})
	program := filepath.Join(p.dir, "colabo")
	output, err := exec.Command("cp", colabo, program).CombinedOutput()
	if err != nil {
		t.Fatalf("copy the program: %v %s", err, output)
	}
	for dir := p.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(p.dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "up")
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "HOME="+p.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	output, err = cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 4 {
		t.Errorf("exit %d (%v), want 4", code, err)
	}
	for _, want := range []string{"no permission to use the docker engine", "usermod -aG docker"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("the error does not say %q:\n%s", want, output)
		}
	}
}

// TestFullDisk builds a box on a file system that has no room for it: nothing of it stays.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		lacking(t, "only root can mount a small file system")
	}
	small := t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=32m", "none", small).CombinedOutput(); err != nil {
		lacking(t, fmt.Sprintf("no small file system can be mounted here: %s", output))
	}
	defer func() {
		if output, err := exec.Command("umount", small).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, output)
		}
	}()
	p := newProject(t, map[string]string{"Colabofile": "provider = \"docker\"\n[machine.dev]\n"})
	p.env = []string{"XDG_DATA_HOME=" + small}
	r := p.exits(1, "up")
	if !strings.Contains(r.stderr, "space") {
		t.Errorf("the error does not speak of space:\n%s", r.stderr)
	}
	var used int64
	err := filepath.Walk(small, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			used += info.Size()
		}
		return err
	})
	if err != nil || used > 0 {
		t.Errorf("%d bytes stay on the full file system (%v)", used, err)
	}
}

// TestWithoutLibvirt hides libvirt's library from colabo: Docker works all the same, and libvirt says what is missing.
func TestWithoutLibvirt(t *testing.T) {
	need(t, "docker")
	if os.Geteuid() != 0 {
		lacking(t, "only root can hide a file by a mount")
	}
	libraries, err := filepath.Glob("/usr/lib/*/libvirt.so.0*")
	if err != nil { // that there is none is fine: then nothing has to be hidden
		t.Fatal(err)
	}
	p := newProject(t, map[string]string{"Colabofile": "[machine.dev]\n[[machine.dev.check]]\ncommand = [\"true\"]\n"})
	hidden := func(args string) result {
		script := ""
		for _, library := range libraries {
			script += "mount --bind /dev/null " + library + " && "
		}
		cmd := exec.Command("unshare", "--mount", "sh", "-c", script+colabo+" "+args)
		cmd.Dir = p.dir
		output, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return result{code: cmd.ProcessState.ExitCode(), stderr: string(output)}
	}
	if r := hidden("up --provider libvirt"); r.code != 4 || !strings.Contains(r.stderr, "libvirt.so.0") || !strings.Contains(r.stderr, "libvirt0") {
		t.Errorf("up on libvirt: exit %d, want 4 and what to install\n%s", r.code, r.stderr)
	}
	if r := hidden("up --provider docker"); r.code != 0 {
		t.Errorf("up on docker: exit %d\n%s", r.code, r.stderr)
	}
}
