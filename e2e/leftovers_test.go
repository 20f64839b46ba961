package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inventory lists everything on this host that an `up` may make: domains, volumes, networks, containers, images,
// Docker volumes and networks, processes of colabo, and listening TCP sockets.
func inventory(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, source := range [][]string{
		{"virsh", "-c", "qemu:///system", "list", "--all", "--name"},
		{"virsh", "-c", "qemu:///system", "net-list", "--all", "--name"},
		{"docker", "ps", "--all", "--format", "container {{.Names}}"},
		{"docker", "network", "ls", "--format", "network {{.Name}}"},
		{"docker", "volume", "ls", "--format", "volume {{.Name}}"},
		{"docker", "images", "--all", "--format", "image {{.Repository}} {{.ID}}"},
		{"ss", "-Hltn", "--no-queues"},
		{"pgrep", "-af", "forward-agent"},
	} {
		all = append(all, lines(source...)...)
	}
	for _, volume := range lines("virsh", "-c", "qemu:///system", "vol-list", "colabo") {
		if fields := strings.Fields(volume); len(fields) == 2 && strings.HasPrefix(fields[1], "/") {
			all = append(all, "volume "+fields[0])
		}
	}
	bridges, err := filepath.Glob("/sys/class/net/*")
	if err != nil {
		t.Fatal(err)
	}
	return append(all, bridges...)
}

// lines is what a command prints, sorted; a tool or daemon that is not there has nothing.
func lines(argv ...string) []string {
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" {
			found = append(found, argv[0]+": "+line)
		}
	}
	slices.Sort(found)
	return found
}

// added lists what is in after and was not in before. Boxes are not counted: they are a cache that all projects share.
func added(before, after []string) []string {
	var more []string
	for _, line := range after {
		box := strings.Contains(line, "volume box-") || strings.Contains(line, "image colabo/box ")
		if !box && !slices.Contains(before, line) {
			more = append(more, line)
		}
	}
	return more
}

// checkNothingLeft fails when something is there that was not before, or a .colabo folder stayed.
func checkNothingLeft(t *testing.T, before []string, dir string) {
	t.Helper()
	if more := added(before, inventory(t)); len(more) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(more, "\n"))
	}
	if _, err := os.Stat(filepath.Join(dir, ".colabo")); err == nil {
		t.Error("the folder .colabo is still there")
	}
}
