package sshguest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
)

func command(argv ...string) guest.Command { return guest.Command{Argv: argv} }

// output runs cmd and returns its standard output.
func output(t *testing.T, g guest.Guest, cmd guest.Command) string {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := g.Run(t.Context(), cmd); err != nil {
		t.Fatalf("%v\n%s", err, complaint.Bytes())
	}
	return out.String()
}

func TestExitCodesAndSignals(t *testing.T) {
	g, _ := connect(t)
	for _, c := range []struct {
		script string
		code   int
		signal string
	}{
		{"exit 1", 1, ""}, {"exit 44", 44, ""}, {"exit 255", 255, ""},
		{"kill -KILL $$", 137, "KILL"}, {"kill -TERM $$", 143, "TERM"}, {"kill -SEGV $$", 139, "SEGV"},
	} {
		for _, user := range []string{"", "root"} {
			argv := []string{"sh", "-c", c.script}
			err := g.Run(t.Context(), guest.Command{Argv: argv, User: user})
			exit, ok := errors.AsType[*guest.ExitError](err)
			if !ok || exit.Code != c.code || exit.Signal != c.signal || strings.Join(exit.Argv, " ") != "sh -c "+c.script {
				t.Errorf("%s as %q: got %#v", c.script, user, err)
			}
		}
	}
	if err := g.Run(t.Context(), command("true")); err != nil {
		t.Error(err)
	}
	err := g.Run(t.Context(), command("no-such-program"))
	if exit, ok := errors.AsType[*guest.ExitError](err); !ok || exit.Code != 127 {
		t.Errorf("program that is not there: %v", err)
	}
}

func TestArgvIsNeverInterpreted(t *testing.T) {
	g, _ := connect(t)
	hostile := []string{
		"", " ", "a b", "'", `"`, `\`, "$HOME", "`id`", "$(id)", "*", "~", "-n", "--", "\n", "a\nb\n", "\t", "!!", "#", "ünï 日本",
		"\x01\x7f\xff\xfe", "a=b", ";", "&&", "|", ">", "{a,b}", "%s", `'\''`, strings.Repeat("x", 70_000), strings.Repeat("'", 9_000),
	}
	for _, user := range []string{"", "root"} {
		for _, env := range []map[string]string{nil, {"COLABO_X": "1"}} {
			cmd := guest.Command{Argv: append([]string{"printf", `%s\0`}, hostile...), User: user, Env: env}
			if got, want := output(t, g, cmd), strings.Join(hostile, "\x00")+"\x00"; got != want {
				t.Errorf("as %q with %v: got %.200q", user, env, got)
			}
		}
	}
	for _, keyword := range []string{"if", "!", "-x", "a=b", "{", "exit"} {
		exit, ok := errors.AsType[*guest.ExitError](g.Run(t.Context(), command(keyword, "3")))
		if !ok || exit.Code != 127 {
			t.Errorf("%s was taken for something of the shell's: %v", keyword, exit)
		}
	}
}

func TestEnvironmentAndFolder(t *testing.T) {
	g, _ := connect(t)
	dir := filepath.Join(t.TempDir(), "it's $(a) folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"A": "x'y\"z $HOME\nline", "B_2": "", "C": "ü=\\"}
	for _, user := range []string{"", "root"} {
		cmd := guest.Command{
			Argv: []string{"sh", "-c", `printf '%s|' "$A" "${B_2-unset}" "$C" "$PWD" "$(cat)"`}, Env: env, Dir: dir, User: user,
			Stdin: strings.NewReader("the input"),
		}
		want := strings.Join([]string{env["A"], "", env["C"], dir, "the input", ""}, "|")
		if got := output(t, g, cmd); got != want {
			t.Errorf("as %q: got %q, want %q", user, got, want)
		}
	}
	if got := output(t, g, guest.Command{Argv: []string{"pwd"}, User: "root"}); got != os.Getenv("HOME")+"\n" {
		t.Errorf("started in %q, want the home folder", got)
	}
	exit, ok := errors.AsType[*guest.ExitError](g.Run(t.Context(), guest.Command{Argv: []string{"true"}, Dir: "/no/such"}))
	if !ok || exit.Code != 126 {
		t.Errorf("folder that is not there: %v", exit)
	}
}

// TestEnvironmentIsPrivate holds that values of Env, which may be secret, are on no command line.
func TestEnvironmentIsPrivate(t *testing.T) {
	g, _ := connect(t)
	const secret = "correct-horse-battery"
	for _, user := range []string{"", "root"} {
		seen := output(t, g, guest.Command{
			Argv: []string{"sh", "-c", `cat /proc/[0-9]*/cmdline | tr '\0' ' '`}, User: user, Env: map[string]string{"PASSWORD": secret},
		})
		if strings.Contains(seen, secret) {
			t.Errorf("as %q: the secret is on a command line", user)
		}
	}
}

func TestBadCommands(t *testing.T) {
	g, _ := connect(t)
	for name, cmd := range map[string]guest.Command{
		"no argv":       {},
		"empty program": command(""),
		"NUL in argv":   command("echo", "a\x00b"),
		"bad variable":  {Argv: []string{"env"}, Env: map[string]string{"A; reboot #": "1"}},
		"NUL in value":  {Argv: []string{"env"}, Env: map[string]string{"A": "\x00"}},
		"unknown user":  {Argv: []string{"env"}, User: "nobody-there"},
	} {
		err := g.Run(t.Context(), cmd)
		if _, ran := errors.AsType[*guest.ExitError](err); err == nil || ran {
			t.Errorf("%s: got %v, want an error that is no exit status", name, err)
		}
		if name == "unknown user" && !strings.Contains(fmt.Sprint(err), "unknown user nobody-there") {
			t.Errorf("sudo's own words are lost: %v", err)
		}
	}
}

func TestStreamsAreKeptApart(t *testing.T) {
	g, _ := connect(t)
	for _, user := range []string{"", "root"} {
		var out, complaint bytes.Buffer
		err := g.Run(t.Context(), guest.Command{
			Argv: []string{"sh", "-c", "echo out; echo err >&2"}, User: user, Stdout: &out, Stderr: &complaint,
		})
		if err != nil || out.String() != "out\n" || complaint.String() != "err\n" {
			t.Errorf("as %q: %q, %q, %v", user, &out, &complaint, err)
		}
	}
}

// TestOneWriterForBoth runs under the race detector: both streams may share a plain buffer.
func TestOneWriterForBoth(t *testing.T) {
	g, _ := connect(t)
	var both bytes.Buffer
	script := "i=0; while [ $i -lt 500 ]; do echo o; echo e >&2; i=$((i+1)); done"
	if err := g.Run(t.Context(), guest.Command{Argv: []string{"sh", "-c", script}, Stdout: &both, Stderr: &both}); err != nil {
		t.Fatal(err)
	}
	if o, e := strings.Count(both.String(), "o\n"), strings.Count(both.String(), "e\n"); o != 500 || e != 500 {
		t.Errorf("got %d and %d lines", o, e)
	}
}

func TestRunDoesNotWaitForInput(t *testing.T) {
	g, _ := connect(t)
	endless, w := io.Pipe()
	defer w.Close()
	if err := g.Run(within(t, 20*time.Second), guest.Command{Argv: []string{"true"}, Stdin: endless}); err != nil {
		t.Error(err)
	}
}

func TestNoInputIsEmptyInput(t *testing.T) {
	g, _ := connect(t)
	if got := output(t, g, command("wc", "-c")); strings.TrimSpace(got) != "0" {
		t.Errorf("read %q bytes", got)
	}
}

func TestRunDoesNotWaitForDaemons(t *testing.T) {
	g, _ := connect(t)
	var out bytes.Buffer
	err := g.Run(within(t, 30*time.Second), guest.Command{
		Argv: []string{"sh", "-c", "sleep 60 & echo $!"}, Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context(), command("kill", strings.TrimSpace(out.String()))); err != nil {
		t.Errorf("the daemon was ended: %v", err)
	}
}

// brokenAfter fails, as a reader and as a writer, after n bytes.
type brokenAfter struct{ n int }

var errBroken = errors.New("broken")

func (b *brokenAfter) Read(p []byte) (int, error)  { return b.use(p) }
func (b *brokenAfter) Write(p []byte) (int, error) { return b.use(p) }

func (b *brokenAfter) use(p []byte) (int, error) {
	if len(p) > b.n {
		return b.n, errBroken
	}
	b.n -= len(p)
	return len(p), nil
}

func TestBrokenStreamsEndTheCommand(t *testing.T) {
	g, _ := connect(t)
	for _, user := range []string{"", "root"} {
		ctx := within(t, 20*time.Second)
		err := g.Run(ctx, guest.Command{Argv: []string{"yes"}, User: user, Stdout: &brokenAfter{100_000}})
		if !errors.Is(err, errBroken) {
			t.Errorf("as %q: output broken: %v", user, err)
		}
		err = g.Run(ctx, guest.Command{Argv: []string{"cat"}, User: user, Stdin: &brokenAfter{100_000}})
		if !errors.Is(err, errBroken) {
			t.Errorf("as %q: input broken: %v", user, err)
		}
	}
	if err := g.Run(t.Context(), guest.Command{Argv: []string{"echo", "hi"}, Stdout: &brokenAfter{}}); !errors.Is(err, errBroken) {
		t.Errorf("a command that ended before its output broke: %v", err)
	}
}

func TestCancelEndsTheCommand(t *testing.T) {
	g, _ := connect(t)
	for _, user := range []string{"", "root"} {
		dir := t.TempDir()
		pid, ended := filepath.Join(dir, "pid"), filepath.Join(dir, "ended")
		script := `trap 'echo TERM >"$1"; exit' TERM; echo $$ >"$0.new"; mv "$0.new" "$0"; while :; do sleep 0.05; done`
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			result <- g.Run(ctx, guest.Command{Argv: []string{"sh", "-c", script, pid, ended}, User: user})
		}()
		eventually(t, "the command does not start", func() bool { _, err := os.Stat(pid); return err == nil })
		cancel()
		select {
		case err := <-result:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("as %q: %v", user, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("as %q: Run does not return", user)
		}
		eventually(t, "the command was not sent SIGTERM", func() bool {
			said, err := os.ReadFile(ended)
			return err == nil && string(said) == "TERM\n"
		})
	}
}

func TestLostConnectionIsNoExitStatus(t *testing.T) {
	g, s := connect(t)
	result := make(chan error, 1)
	started, w := io.Pipe()
	go func() {
		result <- g.Run(t.Context(), guest.Command{Argv: []string{"sh", "-c", "echo; exec sleep 5"}, Stdout: w})
	}()
	if _, err := started.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if err := <-result; !errors.Is(err, sshguest.ErrConnectionLost) {
		t.Errorf("got %v", err)
	}
	if err := g.Run(t.Context(), command("true")); !errors.Is(err, sshguest.ErrConnectionLost) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	g, _ := connect(t)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			var out bytes.Buffer
			err := g.Run(t.Context(), guest.Command{Argv: []string{"echo", fmt.Sprint(i)}, Stdout: &out})
			if err != nil || out.String() != fmt.Sprintln(i) {
				t.Errorf("%d: %q, %v", i, &out, err)
			}
		})
	}
	all.Wait()
}

func TestTerminal(t *testing.T) {
	g, _ := connect(t)
	resize := make(chan guest.Size)
	out, w := io.Pipe()
	in, typed := io.Pipe()
	result := make(chan error, 1)
	script := `trap 'stty size' WINCH; tty >/dev/null && echo "$TERM"; stty size; while read -r line; do echo "got $line"; exit 7; done`
	go func() {
		result <- g.Run(within(t, time.Minute), guest.Command{
			Argv: []string{"bash", "-c", script}, Stdin: in, Stdout: w,
			Terminal: &guest.Terminal{Type: "xterm-test", Size: guest.Size{Columns: 91, Rows: 17}, Resize: resize},
		})
		_ = w.Close()
	}()
	var seen strings.Builder
	expect := func(text string) {
		t.Helper()
		buffer := make([]byte, 1000)
		for !strings.Contains(seen.String(), text) {
			n, err := out.Read(buffer)
			seen.Write(buffer[:n])
			if err != nil {
				t.Fatalf("waiting for %q: %v after %q", text, err, seen.String())
			}
		}
	}
	expect("xterm-test\r\n17 91\r\n")
	resize <- guest.Size{Columns: 120, Rows: 40}
	eventually(t, "can't type", func() bool { _, err := typed.Write([]byte("hello\n")); return err == nil })
	expect("40 120\r\n")
	expect("got hello\r\n")
	if exit, ok := errors.AsType[*guest.ExitError](<-result); !ok || exit.Code != 7 {
		t.Errorf("ended with %v", exit)
	}
}
