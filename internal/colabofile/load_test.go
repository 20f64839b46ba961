package colabofile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/hint"
)

// whole uses every key.
const whole = `
name = "fun time"
provider = "docker"

[variables]
db_password = "s3cret"
cpus = 3

[defaults]
box = "debian-13"
memory = "1.5GiB"
env = { A = "common", B = "common" }

[defaults.libvirt]
weight = 2.5
accelerator = "tcg"

[machine.web]
provider = "libvirt"
hostname = "web.example.org"
cpus = "${var.cpus}"
disk = "10 GiB"
user = "dev"
primary = true
depends_on = ["db"]
ports = ["8080:80", { guest = 5432, host = 15432, auto_correct = true }, "[::1]:9000-9001:90-91/udp", 443]
env.B = "own $${var.x} ${HOME}"
message = "ask ${env.HOME}"

[machine.web.libvirt]
weight = 3
video = false

[[machine.web.provision]]
type = "shell"
inline = '''
echo "${var.db_password}"
'''
run = "always"

[[machine.web.provision]]
type = "shell"
inline = "true"
strict = false

[[machine.web.provision]]
type = "container"
name = "api"
ports = ["8081:81"]

[[machine.web.check]]
http = "http://127.0.0.1:8081/healthz"
timeout = "2m"

[[machine.web.check]]
command = "test -e /x && true"

[[machine.web.check]]
command = ["test", "-e", "/x"]

[machine.db]
memory = "512MB"
`

func TestLoad(t *testing.T) {
	p := mustLoad(t, whole)
	if p.Name != "fun time" || p.Provider != "docker" || p.Dir != testDir || p.File != testDir+"/Colabofile" {
		t.Errorf("the project is %+v", p)
	}
	if len(p.Machines) != 2 || p.Machines[0].Name != "web" || p.Machines[1].Name != "db" {
		t.Fatalf("the machines are %+v", p.Machines)
	}
	web, db := p.Machines[0], p.Machines[1]
	steps, checks, ports, options := web.Steps, web.Checks, web.Ports, web.Options
	web.Steps, web.Checks, web.Ports, web.Options = nil, nil, nil, nil
	wantEqual(t, "web", *web, Machine{
		Name: "web", Provider: "libvirt", Box: "debian-13", Hostname: "web.example.org", CPUs: 3, Memory: 3 << 29,
		Disk: 10 << 30, User: "dev", Primary: true, Needs: []Dependency{{"db", Healthy, Position{"Colabofile", 25, 15}}}, Message: "ask /home/me",
		Env: map[string]string{"A": "common", "B": "own ${var.x} ${HOME}"},
		Pos: Position{"Colabofile", 18, 10},
	})
	wantEqual(t, "db", *db, Machine{
		Name: "db", Box: "debian-13", Hostname: "db", Memory: 512e6, User: "colabo",
		Env: map[string]string{"A": "common", "B": "common"}, Pos: Position{"Colabofile", 61, 10},
		Options: map[string]any{"libvirt": &vmOptions{
			Accelerator: "tcg", Wait: 5 * time.Second, Weight: 2.5, hardware: hardware{"q35"},
		}},
	})
	wantEqual(t, "options", options, map[string]any{"libvirt": &vmOptions{
		Accelerator: "tcg", Wait: 5 * time.Second, Weight: 3, Video: new(bool), hardware: hardware{"q35"},
	}})
	var texts []string
	for _, port := range ports {
		texts = append(texts, fmt.Sprintf("%s %v %d", fmt.Sprint(port.Port), port.AutoCorrect, port.Pos.Column))
	}
	wantEqual(t, "ports", texts, []string{
		"{8080 80 127.0.0.1 tcp} false 10", "{15432 5432 127.0.0.1 tcp} true 21", "{9000 90 ::1 udp} false 74",
		"{9001 91 ::1 udp} false 74", "{443 443 127.0.0.1 tcp} false 103",
	})
	wantEqual(t, "steps", steps, []Step{
		{Type: "shell", Name: "shell", Run: RunAlways, Pos: Position{"Colabofile", 34, 15},
			Spec: &shellStep{Inline: "echo \"s3cret\"\n", Strict: true}},
		{Type: "shell", Name: "shell-2", Run: RunChanged, Pos: Position{"Colabofile", 41, 15}, Spec: &shellStep{Inline: "true"}},
		{Type: "container", Name: "api", Run: RunChanged, Pos: Position{"Colabofile", 46, 15},
			Spec: &publishStep{Ports: []string{"8081:81"}}},
	})
	wantEqual(t, "checks", checks, []Check{
		{HTTP: "http://127.0.0.1:8081/healthz", Timeout: 2 * time.Minute, Interval: time.Second, Pos: Position{"Colabofile", 51, 15}},
		{Command: Argv{"sh", "-c", "test -e /x && true"}, Timeout: time.Minute, Interval: time.Second, Pos: Position{"Colabofile", 55, 15}},
		{Command: Argv{"test", "-e", "/x"}, Timeout: time.Minute, Interval: time.Second, Pos: Position{"Colabofile", 58, 15}},
	})
}

// wantEqual compares in depth.
func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}

func TestSmallest(t *testing.T) {
	p := mustLoad(t, "[machine.dev]")
	if p.Name != "funtime" || p.Provider != Auto {
		t.Errorf("the project is %+v", p)
	}
	wantEqual(t, "machine", *p.Machines[0], Machine{
		Name: "dev", Box: "debian-12", Hostname: "dev", User: "colabo", Options: map[string]any{}, Pos: Position{"Colabofile", 1, 10},
	})
}

func TestEveryFormOfProvider(t *testing.T) {
	for text, want := range map[string]string{
		`provider = "auto"`:                            Auto,
		`provider = "libvirt"`:                         "libvirt",
		"[provider]\nuse = \"docker\"":                 "docker",
		"[provider.libvirt]\nuri = \"qemu:///system\"": Auto,
		`provider = { use = "libvirt", libvirt = {} }`: "libvirt",
	} {
		p := mustLoad(t, text+"\n[machine.dev]\n")
		if p.Provider != want {
			t.Errorf("%q: the provider is %q, want %q", text, p.Provider, want)
		}
	}
	p := mustLoad(t, "[provider.libvirt]\nuri = \"qemu:///system\"\n[machine.dev]\n")
	wantEqual(t, "settings", p.Settings, map[string]any{"libvirt": &vmSettings{URI: "qemu:///system"}})
}

// TestVariables: the command line wins over the environment, and that over the file.
func TestVariables(t *testing.T) {
	const text = `
[variables]
from_file = "by file ${env.HOME}"
from_env = "by file"
given = "by file"
[machine.dev]
message = "${var.from_file} | ${var.from_env} | ${var.given} | ${ var.undeclared } | $${var.x} $$ ${x} ${"
`
	env := testEnv()
	env.Vars = map[string]string{"given": "by command", "undeclared": "by command"}
	p, err := load(text, env)
	if err != nil {
		t.Fatal(err)
	}
	want := "by file /home/me | by environment | by command | by command | ${var.x} $$ ${x} ${"
	if got := p.Machines[0].Message; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	env.Vars = map[string]string{"from_fiel": "x"}
	_, err = load("[variables]\nfrom_file = \"\"\n[machine.dev]\n", env)
	want = `--var from_fiel: the Colabofile has no variable of that name; did you mean "from_file"?`
	if err == nil || err.Error() != want || isProblems(err) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestPortsThatDoNotClash: another address, another protocol, and auto_correct.
func TestPortsThatDoNotClash(t *testing.T) {
	p := mustLoad(t, `
[machine.a]
ports = ["8080:80", "8080:80/udp", "127.0.0.2:8080:80"]
[machine.b]
ports = [{ guest = 80, host = 8080, auto_correct = true }, "[::1]:8080:80"]
`)
	if len(p.Machines[0].Ports) != 3 || len(p.Machines[1].Ports) != 2 {
		t.Errorf("the ports are %v and %v", p.Machines[0].Ports, p.Machines[1].Ports)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{
		"1KiB": 1024, "1KB": 1000, "1.5GiB": 3 << 29, "512MB": 512e6, "2 GiB": 2 << 30, "0.5TiB": 1 << 39, "3TB": 3e12,
	} {
		var got Size
		if err := got.UnmarshalTOML(text); err != nil || got != want {
			t.Errorf("%s is %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "a", "b")
	must(t, os.MkdirAll(deep, 0o755))
	must(t, os.WriteFile(filepath.Join(root, FileName), []byte("[machine.dev]"), 0o644))
	got, err := Find(deep)
	if want := filepath.Join(root, FileName); err != nil || got != want {
		t.Errorf("Find is %q, %v, want %q", got, err, want)
	}

	t.Chdir(t.TempDir())
	must(t, os.Symlink(root, "there"))
	must(t, os.Symlink(deep, "deep"))
	here, err := os.Getwd()
	must(t, err)
	for dir, want := range map[string]string{
		"there":     filepath.Join(here, "there", FileName),
		"there/a/b": filepath.Join(here, "there", FileName),
		"deep":      filepath.Join(root, FileName), // what is above is not above the link
	} {
		if got, err := Find(dir); err != nil || got != want {
			t.Errorf("Find(%q) is %q, %v, want %q", dir, got, err, want)
		}
	}
	must(t, os.Remove(filepath.Join(root, FileName)))
	if _, err = Find(deep); !errors.Is(err, ErrNotFound) || hint.Of(err) == "" {
		t.Errorf("Find returned %v with hint %q", err, hint.Of(err))
	}
	if _, err = Find(filepath.Join(root, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find in a missing folder returned %v", err)
	}
}

// TestFindStopsAtWhatIsNoFile: the project of a folder above is another one.
func TestFindStopsAtWhatIsNoFile(t *testing.T) {
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, FileName), []byte("[machine.dev]"), 0o644))
	folder, link := filepath.Join(root, "folder"), filepath.Join(root, "link")
	must(t, os.MkdirAll(filepath.Join(folder, FileName), 0o755))
	must(t, os.Mkdir(link, 0o755))
	must(t, os.Symlink("nowhere", filepath.Join(link, FileName)))
	for dir, want := range map[string]string{folder: "a folder", link: "a symbolic link to what is not there"} {
		if _, err := Find(dir); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), want) {
			t.Errorf("Find(%q) returned %v, want %q", dir, err, want)
		}
	}
}

// TestOneProjectByTwoPaths: a symbolic link leads to the same project, and positions keep the path that was typed.
func TestOneProjectByTwoPaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must(t, os.Mkdir("app", 0o755))
	must(t, os.WriteFile("app/Colabofile", []byte("[machine.dev]"), 0o644))
	must(t, os.Symlink("app", "link"))
	for _, typed := range []string{"app", "link"} {
		path, err := Find(typed)
		must(t, err)
		p, err := Load(path, testEnv())
		must(t, err)
		if want := filepath.Join(dir, "app"); p.Dir != want || p.Name != "app" || p.File != filepath.Join(want, FileName) {
			t.Errorf("by %s the project is %s of %s in %s", typed, p.Name, p.File, p.Dir)
		}
		if want := filepath.Join(typed, FileName); p.Machines[0].Pos.File != want {
			t.Errorf("by %s the position is in %s", typed, p.Machines[0].Pos.File)
		}
	}
}

// TestLoadOfFiles: problems name the file as the user would, steps look beside it, and other errors are no Problems.
func TestLoadOfFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must(t, os.MkdirAll("app/db", 0o755))
	must(t, os.WriteFile("app/db/seed.sql", nil, 0o644))
	const step = "[machine.dev]\n[[machine.dev.provision]]\ntype = \"postgres\"\ndatabase = \"x\"\nseed = [\"db/seed.sql\"]\n"
	must(t, os.WriteFile("app/Colabofile", []byte(step), 0o644))
	p, err := Load("app/Colabofile", testEnv())
	must(t, err)
	if p.Name != "app" || p.Dir != filepath.Join(dir, "app") || p.Machines[0].Pos.File != "app/Colabofile" {
		t.Errorf("the project is %+v, its machine at %v", p, p.Machines[0].Pos)
	}
	must(t, os.Remove("app/db/seed.sql"))
	_, err = Load(filepath.Join(dir, "app/Colabofile"), testEnv())
	if want := "app/Colabofile:5:9: machine.dev.provision[0].seed[0]: no file db/seed.sql"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var problems Problems
	if _, err = Load("none", testEnv()); !errors.Is(err, fs.ErrNotExist) || errors.As(err, &problems) {
		t.Errorf("Load of a missing file returned %v", err)
	}
	must(t, os.WriteFile("large", []byte(strings.Repeat("#\n", maxSize)), 0o644))
	if _, err = Load("large", testEnv()); !errors.Is(err, ErrUnusable) || errors.As(err, &problems) {
		t.Errorf("Load of a huge file returned %v", err)
	}
}

func isProblems(err error) bool {
	_, ok := errors.AsType[Problems](err)
	return ok
}

// must ends the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
