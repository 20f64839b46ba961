package dockerguest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest"
	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
	"github.com/colabo/colabo/internal/hint"
)

// start runs a container that stays up, and returns its guest with that login user.
func start(t *testing.T, image, user string, argv ...string) (*client.Client, *dockerguest.Guest, string) {
	t.Helper()
	engine := dockertest.Engine(t)
	yes := true
	id := dockertest.Run(t, engine, container.Config{Image: image, Entrypoint: argv, OpenStdin: true}, container.HostConfig{Init: &yes})
	g := dockerguest.New(engine, id, user)
	t.Cleanup(func() { _ = g.Close() })
	return engine, g, id
}

// TestWithShell covers a guest with a shell, in one container.
func TestWithShell(t *testing.T) {
	image := dockertest.ToolsImage(t, dockertest.Engine(t))
	_, g, id := start(t, image, "taken", "sleep", "1000")
	t.Run("statuses", func(t *testing.T) { testStatuses(t, g) })
	t.Run("login", func(t *testing.T) { testLogin(t, g) })
	t.Run("input", func(t *testing.T) { testInput(t, g) })
	t.Run("no such user", func(t *testing.T) {
		err := g.Run(t.Context(), guest.Command{Argv: []string{"true"}, User: "colabo-nobody"})
		wantNoExit(t, err, "colabo-nobody")
	})
	t.Run("cancel ends the process group", func(t *testing.T) { testCancel(t, g) })
	t.Run("close cuts off", func(t *testing.T) { testClose(t, dockertest.Engine(t), id) })
	t.Run("terminal", func(t *testing.T) { testTerminal(t, g) })
	t.Run("input ends on a terminal", func(t *testing.T) { testTerminalInputEnds(t, g) })
	t.Run("files", func(t *testing.T) { testFiles(t, g) })
	t.Run("dial", func(t *testing.T) { testDial(t, g) })
}

// TestWithoutShell covers an image that holds one static program and nothing else.
func TestWithoutShell(t *testing.T) {
	image := dockertest.ProbeImage(t, dockertest.Engine(t))
	_, g, _ := start(t, image, "", "/probe", "cat")
	run := func(cmd guest.Command) (string, error) {
		var out bytes.Buffer
		cmd.Stdout = &out
		err := g.Run(t.Context(), cmd)
		return out.String(), err
	}
	if out, err := run(guest.Command{Argv: []string{"/probe", "cat"}, Stdin: strings.NewReader("OCI")}); err != nil || out != "OCI" {
		t.Errorf("cat: %q %v", out, err)
	}
	if _, err := run(guest.Command{Argv: []string{"/probe", "exit", "7"}}); code(t, err) != 7 {
		t.Errorf("exit 7: %v", err)
	}
	if _, err := run(guest.Command{Argv: []string{"/none"}}); code(t, err) != 127 {
		t.Errorf("no such command: %v", err)
	}
	if out, err := run(guest.Command{Argv: []string{"/probe", "env", "A"}, Env: map[string]string{"A": "b c"}}); out != "b c" {
		t.Errorf("env: %q %v", out, err)
	}
	content := bytes.Repeat([]byte("no shell"), 100_000)
	file := guest.File{Path: "/deep/er/file", Mode: 0o600, Owner: "7:8"}
	if err := g.Upload(t.Context(), bytes.NewReader(content), file); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := g.Download(t.Context(), file.Path, &got); err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("download: %d bytes, %v", got.Len(), err)
	}
	if err := g.Download(t.Context(), "/deep/none", io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("download of a missing file: %v", err)
	}
	if _, err := g.Dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil {
		t.Error("Dial without a relay succeeded")
	}
}

// TestNotRunning: a container that is stopped, and one that is gone, are told from a command that fails.
func TestNotRunning(t *testing.T) {
	image := dockertest.ProbeImage(t, dockertest.Engine(t))
	engine, g, id := start(t, image, "", "/probe", "cat")
	if _, err := engine.ContainerKill(t.Context(), id, client.ContainerKillOptions{}); err != nil {
		t.Fatal(err)
	}
	waitStopped(t, engine, id)
	err := g.Run(t.Context(), guest.Command{Argv: []string{"/probe", "uid"}})
	wantNoExit(t, err, "not running")
	if hint.Of(err) == "" {
		t.Error("no hint")
	}
	gone := dockerguest.New(engine, "colabo-no-such-container", "")
	wantNoExit(t, gone.Run(t.Context(), guest.Command{Argv: []string{"true"}}), "gone")
}

func waitStopped(t *testing.T, engine *client.Client, id string) {
	t.Helper()
	wait := engine.ContainerWait(t.Context(), id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		t.Fatal(err)
	}
}

func testStatuses(t *testing.T, g guest.Guest) {
	for name, test := range map[string]struct {
		argv []string
		want int
	}{
		"success":        {[]string{"true"}, 0},
		"status":         {[]string{"sh", "-c", "exit 42"}, 42},
		"signal":         {[]string{"sh", "-c", "kill -TERM $$"}, 143},
		"not found":      {[]string{"colabo-none"}, 127},
		"no such path":   {[]string{"/colabo/none"}, 127},
		"not executable": {[]string{"/etc/passwd"}, 126},
		"a folder":       {[]string{"/etc"}, 126},
	} {
		t.Run(name, func(t *testing.T) {
			if got := code(t, g.Run(t.Context(), guest.Command{Argv: test.argv})); got != test.want {
				t.Errorf("exit status %d, want %d", got, test.want)
			}
		})
	}
	if err := g.Run(t.Context(), guest.Command{}); err == nil {
		t.Error("an empty command ran")
	}
}

// testLogin: environment, working directory and user are a login's.
func testLogin(t *testing.T, g guest.Guest) {
	for name, test := range map[string]struct {
		cmd  guest.Command
		want string
	}{
		"login user": {guest.Command{Argv: []string{"sh", "-c", `echo "$(id -u) $USER $LOGNAME $HOME $PWD"`}}, "1000 taken taken / /\n"},
		"root":       {guest.Command{User: "root", Argv: []string{"sh", "-c", `echo "$(id -u) $USER $HOME $PWD"`}}, "0 root /root /root\n"},
		"no home":    {guest.Command{User: "nobody", Argv: []string{"sh", "-c", `echo "$HOME $PWD"`}}, "/nonexistent /\n"},
		"given home": {guest.Command{Env: map[string]string{"HOME": "/tmp"}, Argv: []string{"sh", "-c", `echo "$HOME $PWD"`}}, "/tmp /tmp\n"},
		"folder":     {guest.Command{Dir: "/tmp", Argv: []string{"sh", "-c", "pwd"}}, "/tmp\n"},
		"hostile": {guest.Command{Env: map[string]string{"E": "$(id) 'q' \"d\"\nl"}, Argv: []string{"sh", "-c", `printf '%s|' "$E" "$@"`, "$0",
			"a b", "", "$HOME", "*"}}, "$(id) 'q' \"d\"\nl|a b||$HOME|*|"},
		"path": {guest.Command{Argv: []string{"sh", "-c", `echo "$PATH"`}}, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			test.cmd.Stdout, test.cmd.Stderr = &out, &errOut
			if err := g.Run(t.Context(), test.cmd); err != nil || out.String() != test.want {
				t.Errorf("got %q %q %v, want %q", out.String(), errOut.String(), err, test.want)
			}
		})
	}
}

// testInput: input ends where it ends, is not needed, and what can't be read ends the command.
func testInput(t *testing.T, g guest.Guest) {
	t.Run("half-close", func(t *testing.T) {
		var out bytes.Buffer
		err := g.Run(t.Context(), guest.Command{
			Argv: []string{"sh", "-c", "wc -c; echo after"}, Stdin: bytes.NewReader(make([]byte, 3<<20)), Stdout: &out,
		})
		if err != nil || out.String() != "3145728\nafter\n" {
			t.Errorf("got %q %v", out.String(), err)
		}
	})
	t.Run("unread input", func(t *testing.T) {
		never, w := io.Pipe()
		defer w.Close()
		if err := g.Run(t.Context(), guest.Command{Argv: []string{"true"}, Stdin: never}); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("broken input", func(t *testing.T) {
		cause := errors.New("it broke")
		err := g.Run(t.Context(), guest.Command{Argv: []string{"cat"}, Stdin: iotest.ErrReader(cause)})
		if !errors.Is(err, cause) {
			t.Errorf("got %v, want the reader's error", err)
		}
	})
}

// testCancel: the command's children end with it.
func testCancel(t *testing.T, g guest.Guest) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &firstLine{seen: make(chan string, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- g.Run(ctx, guest.Command{Argv: []string{"sh", "-c", "sleep 1001 & echo $!; wait"}, Stdout: out})
	}()
	var child string
	select {
	case child = <-out.seen:
	case err := <-ended:
		t.Fatalf("ended by itself: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	waitGone(t, g, child)
}

// waitGone returns when the guest has no such process any more.
func waitGone(t *testing.T, g guest.Guest, pid string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for g.Run(ctx, guest.Command{User: "root", Argv: []string{"sh", "-c", `kill -0 "$1"`, "sh", pid}}) == nil {
	}
	if ctx.Err() != nil {
		t.Errorf("process %s still runs", pid)
	}
}

func testClose(t *testing.T, engine *client.Client, id string) {
	g := dockerguest.New(engine, id, "root")
	out := &firstLine{seen: make(chan string, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- g.Run(t.Context(), guest.Command{Argv: []string{"sh", "-c", "echo up; exec sleep 1002"}, Stdout: out})
	}()
	<-out.seen
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the command went on after Close")
	}
	if err := g.Run(t.Context(), guest.Command{Argv: []string{"true"}}); err == nil {
		t.Error("Run after Close succeeded")
	}
}

// testTerminalInputEnds: who reads sees the end of the input, and what is written after that still arrives.
func testTerminalInputEnds(t *testing.T, g guest.Guest) {
	var out bytes.Buffer
	err := g.Run(t.Context(), guest.Command{
		Argv:  []string{"sh", "-c", "cat >/dev/null; sleep 0.5; echo after the end"},
		Stdin: strings.NewReader("some input\n"), Stdout: &out,
		Terminal: &guest.Terminal{Type: "vt100", Size: guest.Size{Columns: 80, Rows: 24}},
	})
	if err != nil || !strings.Contains(out.String(), "after the end") {
		t.Errorf("the terminal showed %q (%v)", out.String(), err)
	}
}

func testTerminal(t *testing.T, g guest.Guest) {
	resize := make(chan guest.Size)
	out := &firstLine{seen: make(chan string, 1)}
	var all bytes.Buffer
	ended := make(chan error, 1)
	stdin, input := io.Pipe()
	go func() {
		ended <- g.Run(t.Context(), guest.Command{
			Argv:  []string{"sh", "-c", `trap 'stty size; exit 5' WINCH; echo "$(stty size) $TERM"; while :; do sleep 0.1; done`},
			Stdin: stdin, Stdout: io.MultiWriter(out, &all),
			Terminal: &guest.Terminal{Type: "vt100", Size: guest.Size{Columns: 101, Rows: 33}, Resize: resize},
		})
	}()
	select {
	case line := <-out.seen:
		if line != "33 101 vt100" {
			t.Errorf("the terminal was %q at first", line)
		}
	case err := <-ended:
		t.Fatalf("ended: %v, %q", err, all.String())
	}
	resize <- guest.Size{Columns: 55, Rows: 22}
	if got := code(t, <-ended); got != 5 {
		t.Errorf("exit status %d, want 5", got)
	}
	_ = input.Close()
	if text := all.String(); !strings.Contains(text, "22 55") {
		t.Errorf("the terminal showed %q", text)
	}
}

func testFiles(t *testing.T, g guest.Guest) {
	large := bytes.Repeat([]byte{0, 1, 2, 0xff, '\n', '\r'}, 1<<20)
	file := guest.File{Path: "/tmp/a 'b'/$c/file", Mode: 0o640, Owner: "taken"}
	if err := g.Upload(t.Context(), bytes.NewReader(large), file); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := g.Download(t.Context(), file.Path, &got); err != nil || !bytes.Equal(got.Bytes(), large) {
		t.Errorf("download: %d bytes, %v", got.Len(), err)
	}
	var out bytes.Buffer
	err := g.Run(t.Context(), guest.Command{Argv: []string{"stat", "-c", "%a %u %g", file.Path, "/tmp/a 'b'"}, User: "root", Stdout: &out})
	if err != nil || out.String() != "640 1000 0\n755 0 0\n" {
		t.Errorf("stat: %q %v", out.String(), err)
	}
	for name, wrong := range map[string]guest.File{
		"a folder":      {Path: "/tmp"},
		"relative":      {Path: "tmp/file"},
		"unknown owner": {Path: "/tmp/owner", Owner: "colabo-nobody"},
		"below a file":  {Path: "/etc/passwd/below"},
	} {
		if err := g.Upload(t.Context(), strings.NewReader("x"), wrong); err == nil {
			t.Errorf("upload to %s succeeded", name)
		}
	}
	if err := g.Download(t.Context(), "/etc", io.Discard); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("download of a folder: %v", err)
	}
}

// code is the exit status that err reports, 0 for nil; any other error ends the test.
func code(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*guest.ExitError](err)
	if !ok {
		t.Fatalf("got %v, want a *guest.ExitError", err)
	}
	return exit.Code
}

// wantNoExit: err says that the command did not run, and why.
func wantNoExit(t *testing.T, err error, text string) {
	t.Helper()
	if exit, ok := errors.AsType[*guest.ExitError](err); err == nil || ok || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%v), want an error about %q that is no exit status", err, exit, text)
	}
}

// firstLine hands on the first line that is written to it.
type firstLine struct {
	seen chan string
	text []byte
	done bool
}

// Write implements io.Writer.
func (f *firstLine) Write(p []byte) (int, error) {
	f.text = append(f.text, p...)
	if line, _, found := bytes.Cut(f.text, []byte("\n")); found && !f.done {
		f.done = true
		f.seen <- strings.TrimSpace(string(line))
	}
	return len(p), nil
}
