package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/state"
)

// inventoried is what the tests know of this host before an `up`.
type inventoried struct {
	answered []string // the tools that worked
	sockets  []string // addresses that somebody listens on
}

// inventory looks at this host before an `up`, for checkNothingLeft and leftovers.
func inventory(t *testing.T) inventoried {
	t.Helper()
	var before inventoried
	for _, source := range sources("") {
		lines, err := source.lines()
		switch {
		case err == nil:
			before.answered = append(before.answered, source.name)
		case !source.daemon && !errors.Is(err, exec.ErrNotFound):
			t.Fatalf("%q: %v", source.argv, err) // what asks no daemon works wherever it is installed
		}
		if source.name == listening.name {
			before.sockets = lines
		}
	}
	return before
}

// source is a tool that lists things of one kind.
type source struct {
	name   string
	argv   []string
	field  int  // the field of each line that counts; 0 for the whole line
	daemon bool // it asks a daemon, which may not run here
	all    bool // all that it lists is the project's; else what has the project's id or folder in its line
}

// sources list everything that an `up` may make for the project of that id. Projects of other ids, and what is nobody's
// of ours, don't count: other tests and people use the host too. So neither do veth interfaces, which go with their
// container, nor images without a label, which nothing tells from those of others.
func sources(id string) []source {
	label := "label=colabo.project=" + id
	virsh := func(name string, args ...string) source {
		return source{name: name, argv: append([]string{"virsh", "--connect", "qemu:///system"}, args...), daemon: true}
	}
	docker := func(name string, args ...string) source {
		return source{name: name, argv: append([]string{"docker"}, args...), daemon: true}
	}
	images := docker("image", "images", "--all", "--filter", label, "--format", "{{.Repository}} {{.ID}}")
	images.all = true
	return []source{
		virsh("domain", "list", "--all", "--name"),
		virsh("libvirt network", "net-list", "--all", "--name"),
		virsh("libvirt volume", "vol-list", "colabo"),
		docker("container", "ps", "--all", "--format", "{{.Names}} {{.Labels}}"),
		docker("docker network", "network", "ls", "--format", "{{.Name}} {{.Labels}}"),
		docker("docker volume", "volume", "ls", "--format", "{{.Name}} {{.Labels}}"),
		images,
		{name: "process", argv: []string{"ps", "-e", "-ww", "-o", "pid=,args="}},
		{name: "interface", argv: []string{"ls", "/sys/class/net"}},
		listening,
	}
}

// listening lists the addresses of the host that somebody listens on.
var listening = source{name: "socket", argv: []string{"ss", "-Hltn"}, field: 4}

// lines is what the tool lists.
func (s source) lines() ([]string, error) {
	out, err := exec.Command(s.argv[0], s.argv[1:]...).Output()
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if fields := strings.Fields(line); s.field > 0 && len(fields) >= s.field {
			line = fields[s.field-1]
		}
		if line != "" {
			found = append(found, line)
		}
	}
	return found, nil
}

// leftovers lists what this host has of the project in dir: things that have its id, processes with its id or folder in their
// arguments, its bridge, and listeners that were not there before on the ports that its Colabofile names. A tool that worked
// before and does not now fails the test. The id is the same after `destroy` removed the project's state.
func leftovers(t *testing.T, before inventoried, dir string) []string {
	t.Helper()
	id := projectID(t, dir)
	ports := wantedPorts(t, dir)
	marks := []string{id, dir, bridge(id)}
	var left []string
	for _, source := range sources(id) {
		lines, err := source.lines()
		if err != nil && slices.Contains(before.answered, source.name) {
			t.Errorf("%q worked before and does not now, so what is left can't be known: %v", source.argv, err)
		}
		for _, line := range lines {
			ours := source.all || slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(line, mark) })
			if source.name == listening.name {
				port := line[strings.LastIndexByte(line, ':')+1:]
				ours = slices.Contains(ports, port) && !slices.Contains(before.sockets, line)
			}
			if ours {
				left = append(left, source.name+" "+line)
			}
		}
	}
	return left
}

// projectID is the id of the project in dir, which is kept in its state folder and, without one, made from its path.
func projectID(t *testing.T, dir string) string {
	t.Helper()
	folder, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	id, err := folder.ProjectID()
	if err != nil || id == "" {
		t.Fatalf("the project's id is %q: %v", id, err)
	}
	return id
}

// bridge is the name that the libvirt provider gives the interface of a project's network.
func bridge(id string) string {
	sum := sha256.Sum256([]byte("colabo\x00bridge\x00" + id))
	return "clb-" + hex.EncodeToString(sum[:4])
}

// hostPort finds "8080:80" and "127.0.0.1:8080:80"; ports that auto_correct chose in their place are not known.
var hostPort = regexp.MustCompile(`"(?:[0-9.]+:)?([0-9]+):[0-9]+"`)

// wantedPorts are the host's ports in a project's Colabofile.
func wantedPorts(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "Colabofile"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var ports []string
	for _, match := range hostPort.FindAllStringSubmatch(string(text), -1) {
		ports = append(ports, match[1])
	}
	return ports
}

// checkNothingLeft fails when something of the project is there, or its .colabo folder stayed.
func checkNothingLeft(t *testing.T, before inventoried, dir string) {
	t.Helper()
	if left := leftovers(t, before, dir); len(left) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
	}
	if _, err := os.Stat(filepath.Join(dir, ".colabo")); err == nil {
		t.Error("the folder .colabo is still there")
	}
}

// checkSeen fails when leftovers is blind: it has to see the project while that is up.
func checkSeen(t *testing.T, before inventoried, dir string, kinds ...string) {
	t.Helper()
	seen := leftovers(t, before, dir)
	for _, kind := range kinds {
		if !slices.ContainsFunc(seen, func(line string) bool { return strings.HasPrefix(line, kind+" ") }) {
			t.Errorf("the project is up, and no %s of it is seen but\n%s", kind, strings.Join(seen, "\n"))
		}
	}
}
