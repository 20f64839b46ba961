package file_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/provisioners/file"
	"github.com/colabo/colabo/provisioners/provisionertest"
)

// write makes files below dir; a name that ends in "/" is a folder, a content "-> x" a link to x.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		to, link := strings.CutPrefix(content, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(target, 0o755)
		case link:
			err = os.Symlink(to, target)
		case strings.HasSuffix(name, ".sh"):
			err = os.WriteFile(target, []byte(content), 0o775)
		default:
			err = os.WriteFile(target, []byte(content), 0o664)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// run runs the step with this host as the guest; home is the login user's home.
func run(t *testing.T, step *file.Step, dir, home string) error {
	t.Helper()
	if problems := step.Validate(dir); len(problems) > 0 {
		t.Fatalf("the step is not valid: %v", problems)
	}
	g := &provisionertest.Local{Env: map[string]string{"HOME": home}}
	var output bytes.Buffer
	err := step.Run(context.Background(), provisionertest.Target(t, g, dir, &output))
	if commands := g.Commands(); len(commands) != 1 {
		t.Errorf("%d round trips, want 1", len(commands))
	}
	return err
}

// expect checks mode and content of a file in the guest.
func expect(t *testing.T, name, content string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != content || info.Mode() != mode {
		t.Errorf("%s is %q with mode %v, want %q with %v", name, got, info.Mode(), content, mode)
	}
}

// onlyThese checks that nothing but names is in dir: no temporary folder stays.
func onlyThese(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if slices.Sort(names); !slices.Equal(got, names) {
		t.Errorf("%s has %q, want %q", dir, got, names)
	}
}

func TestOneFile(t *testing.T) {
	host, machine := t.TempDir(), t.TempDir()
	write(t, host, map[string]string{"app.conf": "a=1\n", "it's odd.sh": "#!/bin/sh\n"})
	for _, step := range []*file.Step{
		{Source: "app.conf", Destination: machine + "/new/folder/app.conf"},
		{Source: "app.conf", Destination: machine + "/secret", Mode: "0600"},
		{Source: "it's odd.sh", Destination: machine + "/bin/"},
		{Content: "text\n", Destination: machine + "/motd"},
		{Content: "text\n", Destination: "~/.rc"},
	} {
		for range 2 {
			if err := run(t, step, host, machine+"/home"); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect(t, machine+"/new/folder/app.conf", "a=1\n", 0o644)
	expect(t, machine+"/secret", "a=1\n", 0o600)
	expect(t, machine+"/bin/it's odd.sh", "#!/bin/sh\n", 0o755)
	expect(t, machine+"/motd", "text\n", 0o644)
	expect(t, machine+"/home/.rc", "text\n", 0o644)
	onlyThese(t, machine, "new", "secret", "bin", "motd", "home")
	onlyThese(t, machine+"/bin", "it's odd.sh")
}

func TestFolder(t *testing.T) {
	host, machine := t.TempDir(), t.TempDir()
	write(t, host, map[string]string{"web/index.html": "new", "web/bin/run.sh": "run", "web/empty/": "", "web/link": "-> index.html", "web/nowhere": "-> gone"})
	write(t, machine, map[string]string{"site/index.html": "old", "site/kept": "kept"})
	if err := os.Chmod(machine+"/site", 0o700); err != nil {
		t.Fatal(err)
	}
	step := &file.Step{Source: "web", Destination: machine + "/site/"}
	for range 2 {
		if err := run(t, step, host, ""); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, machine+"/site/index.html", "new", 0o644)
	expect(t, machine+"/site/bin/run.sh", "run", 0o755)
	expect(t, machine+"/site/kept", "kept", 0o664&^umask(t))
	onlyThese(t, machine+"/site/empty")
	if to, err := os.Readlink(machine + "/site/link"); err != nil || to != "index.html" {
		t.Errorf("the link is %q, %v", to, err)
	}
	if info, err := os.Stat(machine + "/site"); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder that was there has another mode now: %v, %v", info.Mode(), err)
	}
	onlyThese(t, machine, "site")

	files, err := step.Files(host)
	want := []string{host + "/web/bin/run.sh", host + "/web/index.html", host + "/web/link"}
	if err != nil || !slices.Equal(files, want) {
		t.Errorf("Files() = %q, %v; want %q", files, err, want)
	}
}

// umask returns the process's mask by looking at a file.
func umask(t *testing.T) fs.FileMode {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(name, nil, 0o777); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return 0o777 &^ info.Mode().Perm()
}

func TestAFileDoesNotTakeAFoldersPlace(t *testing.T) {
	host, machine := t.TempDir(), t.TempDir()
	write(t, machine, map[string]string{"there/kept": "kept"})
	err := run(t, &file.Step{Content: "x", Destination: machine + "/there"}, host, "")
	exit, ok := errors.AsType[*guest.ExitError](err)
	if !ok || exit.Code != 1 || !strings.Contains(err.Error(), "is a folder in the machine") {
		t.Errorf("got %v", err)
	}
	onlyThese(t, machine+"/there", "kept")
	onlyThese(t, machine, "there")
}

func TestASourceThatCannotBeReadChangesNothing(t *testing.T) {
	machine := t.TempDir()
	write(t, machine, map[string]string{"status": "old"})
	// The kernel says that this file is empty, and then it is not: as a file that grows while it is sent.
	err := run(t, &file.Step{Source: "/proc/self/status", Destination: machine + "/status"}, "/", "")
	if !errors.Is(err, tar.ErrWriteTooLong) || !strings.Contains(err.Error(), "read /proc/self/status") {
		t.Errorf("got %v", err)
	}
	expect(t, machine+"/status", "old", 0o664&^umask(t))
	onlyThese(t, machine, "status")
}

func TestValidate(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": ""})
	for name, test := range map[string]struct {
		step file.Step
		keys []string
	}{
		"nothing":          {file.Step{}, []string{"source", "destination"}},
		"both":             {file.Step{Source: "a", Content: "b", Destination: "/a"}, []string{"content"}},
		"missing":          {file.Step{Source: "b", Destination: "/a"}, []string{"source"}},
		"relative":         {file.Step{Source: "a", Destination: "a"}, []string{"destination"}},
		"no name":          {file.Step{Content: "a", Destination: "/etc/"}, []string{"destination"}},
		"owner in home":    {file.Step{Content: "a", Destination: "~/a", Owner: "root"}, []string{"owner"}},
		"mode":             {file.Step{Content: "a", Destination: "/a", Mode: "rw"}, []string{"mode"}},
		"mode not octal":   {file.Step{Content: "a", Destination: "/a", Mode: "0888"}, []string{"mode"}},
		"mode too long":    {file.Step{Content: "a", Destination: "/a", Mode: "100644"}, []string{"mode"}},
		"all that is fine": {file.Step{Source: "a", Destination: "/a", Owner: "x:y", Mode: "4755"}, nil},
	} {
		var keys []string
		for _, problem := range test.step.Validate(dir) {
			keys = append(keys, problem.Key)
		}
		if !slices.Equal(keys, test.keys) {
			t.Errorf("%s: problems with %q, want %q", name, keys, test.keys)
		}
	}
}
