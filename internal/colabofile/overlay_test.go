package colabofile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loadBoth loads a Colabofile with a local one over it.
func loadBoth(text, local string) (*Project, error) {
	return decode(testDir+"/Colabofile", newDocument("Colabofile", []byte(text)), newDocument("Colabofile.local", []byte(local)), testEnv())
}

func TestLocalLiesOverTheFile(t *testing.T) {
	p, err := loadBoth(`
[provider]
use = "docker"
[provider.libvirt]
uri = "qemu:///system"
[variables]
a = "file"
b = "file"
[machine.dev]
memory = "1GiB"
ports = ["80"]
env = { A = "${var.a}", B = "${var.b}" }
[[machine.dev.provision]]
type = "shell"
name = "one"
inline = "1"
[[machine.dev.provision]]
type = "shell"
name = "two"
inline = "2"
[[machine.dev.check]]
tcp = "127.0.0.1:1"
`, `
provider = "libvirt"
[variables]
a = "local"
[machine.dev]
memory = "2GiB"
ports = ["81"]
env.C = "local"
[[machine.dev.provision]]
name = "two"
run = "never"
[[machine.dev.provision]]
type = "shell"
name = "three"
inline = "3"
[[machine.dev.check]]
tcp = "127.0.0.1:2"
[machine.more]
`)
	if err != nil {
		t.Fatal(err)
	}
	dev := p.Machines[0]
	if p.Provider != "libvirt" || p.Settings["libvirt"] == nil {
		t.Errorf("the provider is %s, its settings are %v", p.Provider, p.Settings)
	}
	if dev.Memory != 2<<30 || len(dev.Ports) != 1 || dev.Ports[0].Guest != 81 || len(dev.Checks) != 2 || len(p.Machines) != 2 {
		t.Errorf("the machine is %+v", dev)
	}
	wantEqual(t, "env", dev.Env, map[string]string{"A": "local", "B": "file", "C": "local"})
	var steps []string
	for _, step := range dev.Steps {
		steps = append(steps, step.Name+" "+step.Spec.(*shellStep).Inline+" "+string(step.Run)+" "+step.Pos.String())
	}
	wantEqual(t, "steps", steps, []string{
		"one 1 changed Colabofile:13:15", "two 2 never Colabofile:17:15", "three 3 changed Colabofile.local:12:15",
	})
}

func TestProblemsNameTheFileThatTheyAreIn(t *testing.T) {
	_, err := loadBoth("[machine.dev]\ncpus = 0\nmemroy = 1\nmessage = \"${var.x}\"\n", "[machine.dev]\n\ncpus = \"two\"\n[machine.dev.libvirt]\nacelerator = \"kvm\"\nx = \"${env.NONE}\"\n")
	want := strings.TrimSpace(`
Colabofile:3:1: machine.dev.memroy: unknown key; did you mean "memory"?
Colabofile:4:12: machine.dev.message: there is no variable "x" in [variables]
Colabofile.local:3:8: machine.dev.cpus: want a whole number, not a string
Colabofile.local:5:1: machine.dev.libvirt.acelerator: unknown key; did you mean "accelerator"?
Colabofile.local:6:1: machine.dev.libvirt.x: unknown key
Colabofile.local:6:6: machine.dev.libvirt.x: the environment has no NONE
`)
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	_, err = loadBoth("[machine.dev\n", "x = = 1\n")
	if err == nil || !strings.Contains(err.Error(), "Colabofile:1:") || !strings.Contains(err.Error(), "Colabofile.local:1:5") {
		t.Errorf("syntax errors of both files: %v", err)
	}
}

func TestLocalThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("[machine.dev]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, LocalName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(filepath.Join(dir, FileName), testEnv()); err == nil || !strings.Contains(err.Error(), LocalName) {
		t.Errorf("Load = %v, want an error about %s", err, LocalName)
	}
}
