package machinetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/provisioners/file"
	"github.com/colabo/colabo/provisioners/shell"
)

func (m *machine) testShell(t *testing.T) {
	m.must(t, "useradd", "--create-home", "--shell", "/bin/bash", "ann")
	dir := writeFiles(t, map[string]string{"who.sh": "#!/usr/bin/env bash\r\necho \"$1 is $(id -un) in $PWD\"\r\n"})
	for _, test := range []struct {
		step *shell.Step
		want string
	}{
		{&shell.Step{Path: "who.sh", Args: []string{"he re"}, User: "root"}, "he re is root in /root\n"},
		{&shell.Step{Path: "who.sh", Args: []string{"she"}, User: "ann"}, "she is ann in /home/ann\n"},
		{&shell.Step{Path: "who.sh", Args: []string{"it"}, User: "ann", Dir: "/srv"}, "it is ann in /srv\n"},
		{&shell.Step{Inline: "printf '%s' \"$A\" | wc -c", User: "ann", Env: map[string]string{"A": "a'b\n\"c"}}, "6\n"},
	} {
		if got, err := m.run(t, test.step, "shell", dir); err != nil || got != test.want {
			t.Errorf("%+v printed %q, %v; want %q", test.step, got, err, test.want)
		}
	}
	_, err := m.run(t, &shell.Step{Inline: "echo before\nls /nowhere\necho after", User: "ann"}, "shell", dir)
	exit, ok := errors.AsType[*guest.ExitError](err)
	if !ok || exit.Code != 2 || !strings.Contains(err.Error(), "/nowhere") || strings.Contains(err.Error(), "after") {
		t.Errorf("a script that fails gave %v", err)
	}
	if left := m.must(t, "find", "/tmp", "-name", "colabo-*"); left != "" {
		t.Errorf("left behind: %s", left)
	}
}

func (m *machine) testFile(t *testing.T) {
	dir := writeFiles(t, map[string]string{"web/index.html": "page", "web/css/a.css": "css"})
	for _, step := range []*file.Step{
		{Source: "web", Destination: "/srv/web", Owner: "ann"},
		{Source: "web", Destination: "/etc"},
		{Content: "x", Destination: "/etc/colabo/x.conf", Owner: "ann:mail", Mode: "0640"},
	} {
		for range 2 {
			if out, err := m.run(t, step, "file", dir); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
	}
	want := "ann:ann 644 /srv/web/css/a.css\nroot:root 644 /etc/css/a.css\nann:mail 640 /etc/colabo/x.conf\nroot:root 755 /etc"
	if got := m.must(t, "stat", "-c", "%U:%G %a %n", "/srv/web/css/a.css", "/etc/css/a.css", "/etc/colabo/x.conf", "/etc"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
