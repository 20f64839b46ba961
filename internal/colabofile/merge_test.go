package colabofile

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestLocal: a local file is merged key by key.
func TestLocal(t *testing.T) {
	const text = `
provider = "docker"
[variables]
size = 1
colour = "red"
[secrets]
token = { file = "secrets/token" }
kept = { file = "secrets/kept" }
[defaults]
memory = "1GiB"
env = { A = "common", B = "common" }
[machine.web]
primary = true
cpus = "${var.size}"
ports = ["8080:80", "8443:443"]
message = "${var.colour}"
[machine.web.libvirt]
weight = 3
channel = 4
[[machine.web.provision]]
type = "shell"
name = "hello"
inline = "echo hello"
args = ["a", "b"]
env = { X = "x", Y = "y" }
[[machine.web.provision]]
type = "shell"
name = "other"
inline = "true"
[[machine.web.provision]]
type = "shell"
inline = "nameless"
[[machine.web.check]]
tcp = "127.0.0.1:80"
[machine.db]
`
	const local = `
[provider.libvirt]
uri = "qemu:///system"
[variables]
size = 4
mine = "blue"
[secrets]
token = { command = "pass show token" }
[defaults]
env.B = "local"
[machine.own]
depends_on = ["web"]
primary = true
[machine.web]
ports = ["9090:80"]
message = "${var.colour} ${var.mine}"
libvirt.weight = 5
[[machine.web.provision]]
name = "hello"
args = ["c"]
env.Y = "local"
[[machine.web.provision]]
name = "other"
type = "postgres"
database = "funtime"
[[machine.web.provision]]
type = "shell"
inline = "new"
[[machine.web.check]]
tcp = "127.0.0.1:443"
`
	p, err := loadBoth(text, local, testEnv())
	must(t, err)
	web, own := p.Machines[0], p.Machines[2]
	wantEqual(t, "local", p.Local, testDir+"/Colabofile.local")
	wantEqual(t, "provider", []any{p.Provider, p.Settings["libvirt"]}, []any{"docker", &vmSettings{URI: "qemu:///system"}})
	wantEqual(t, "names", []string{web.Name, p.Machines[1].Name, own.Name}, []string{"web", "db", "own"})
	wantEqual(t, "primary", []bool{web.Primary, own.Primary}, []bool{false, true})
	wantEqual(t, "cpus and message", []any{web.CPUs, web.Message, own.Memory}, []any{4, "red blue", Size(1 << 30)})
	wantEqual(t, "env", web.Env, map[string]string{"A": "common", "B": "local"})
	wantEqual(t, "ports", web.Ports[0].Host+len(web.Ports), 9091)
	wantEqual(t, "token", p.Secrets["token"], Secret{Command: Argv{"sh", "-c", "pass show token"}, Pos: Position{"Colabofile.local", 8, 1}})
	wantEqual(t, "kept", p.Secrets["kept"].File, "secrets/kept")
	options := web.Options["libvirt"].(*vmOptions)
	wantEqual(t, "options", []any{options.Weight, options.Channel}, []any{5.0, uint8(4)})
	wantEqual(t, "steps", web.Steps, []Step{
		{Type: "shell", Name: "hello", Run: RunChanged, Pos: Position{"Colabofile", 20, 15}, Spec: &shellStep{
			Inline: "echo hello", Args: []string{"c"}, Env: map[string]string{"X": "x", "Y": "local"}, Strict: true,
		}},
		{Type: "postgres", Name: "other", Run: RunChanged, Pos: Position{"Colabofile.local", 22, 15}, Spec: &seedStep{Database: "funtime"}},
		{Type: "shell", Name: "shell", Run: RunChanged, Pos: Position{"Colabofile", 30, 15}, Spec: &shellStep{Inline: "nameless", Strict: true}},
		{Type: "shell", Name: "shell-2", Run: RunChanged, Pos: Position{"Colabofile.local", 26, 15}, Spec: &shellStep{Inline: "new", Strict: true}},
	})
	wantEqual(t, "checks", []string{web.Checks[0].TCP, web.Checks[1].TCP}, []string{"127.0.0.1:80", "127.0.0.1:443"})
}

// TestLocalOnDisk: the local file is the one beside the Colabofile; what can't be one, or can't be read, is an error and not passed over.
func TestLocalOnDisk(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must(t, os.WriteFile(FileName, []byte("[machine.dev]"), 0o644))
	p, err := Load(FileName, testEnv())
	must(t, err)
	wantEqual(t, "local", p.Local, "")

	const local = FileName + LocalSuffix
	must(t, os.WriteFile(local, []byte("[machine.dev]\ncpus = 3"), 0o644))
	p, err = Load(FileName, testEnv())
	must(t, err)
	wantEqual(t, "local", []any{p.Local, p.Machines[0].CPUs}, []any{dir + "/" + local, 3})

	must(t, os.WriteFile(local, []byte("[machine.dev]\ncpu = 3"), 0o644))
	_, err = Load(FileName, testEnv())
	if want := `Colabofile.local:2:1: machine.dev.cpu: unknown key; did you mean "cpus"?`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}

	must(t, os.Remove(local))
	must(t, os.Symlink("nowhere", local))
	if _, err = Load(FileName, testEnv()); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), local) {
		t.Errorf("a link to nowhere: %v", err)
	}
	must(t, os.Remove(local))
	must(t, os.Mkdir(local, 0o755))
	if _, err = Load(FileName, testEnv()); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), local) {
		t.Errorf("a folder: %v", err)
	}
	must(t, os.Remove(local))
	must(t, os.WriteFile(local, nil, 0))
	if os.Getuid() != 0 {
		if _, err = Load(FileName, testEnv()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a file that can't be read: %v", err)
		}
	}
}
