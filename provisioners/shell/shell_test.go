package shell_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/provisioners/provisionertest"
	"github.com/colabo/colabo/provisioners/shell"
)

// run runs the step on this host and returns what it printed. Its temporary files go to a folder that must be empty afterwards.
func run(t *testing.T, step *shell.Step, files map[string]string) (string, *provisionertest.Local, error) {
	t.Helper()
	dir, temp := t.TempDir(), t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if problems := step.Validate(dir); len(problems) > 0 {
		t.Fatalf("the step is not valid: %v", problems)
	}
	g := &provisionertest.Local{Env: map[string]string{"TMPDIR": temp}}
	var output bytes.Buffer
	err := step.Run(context.Background(), provisionertest.Target(t, g, dir, &output))
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind in the guest: %v", left)
	}
	if commands := g.Commands(); len(commands) != 1 {
		t.Errorf("%d round trips, want 1", len(commands))
	}
	return output.String(), g, err
}

func TestRun(t *testing.T) {
	hostile := "it's \"$HOME\" `id` \\ ; & \n über"
	for name, test := range map[string]struct {
		step  shell.Step
		files map[string]string
		want  string
	}{
		"inline":              {step: shell.Step{Inline: "echo one\necho two >&2"}, want: "one\ntwo\n"},
		"bash without a #!":   {step: shell.Step{Inline: "a=(x y); echo ${a[1]}"}, want: "y\n"},
		"CR LF inline":        {step: shell.Step{Inline: "if true; then\r\n  echo yes\r\nfi\r\n"}, want: "yes\n"},
		"arguments":           {step: shell.Step{Inline: `printf '<%s>' "$@"`, Args: []string{hostile, "", "-x"}}, want: "<" + hostile + "><><-x>"},
		"environment":         {step: shell.Step{Inline: `printf %s "$ODD"`, Env: map[string]string{"ODD": hostile}}, want: hostile},
		"empty input":         {step: shell.Step{Inline: "cat; echo end"}, want: "end\n"},
		"its text as content": {step: shell.Step{Inline: "cat <<'EOF'\n$x `y`\nEOF\nprintf '\\\\n'"}, want: "$x `y`\n\\n"},
		"folder":              {step: shell.Step{Inline: "pwd", Dir: "/usr"}, want: "/usr\n"},
		"script": {
			step:  shell.Step{Path: "setup.sh", Args: []string{"a b"}},
			files: map[string]string{"setup.sh": "#!/bin/sh\r\necho \"$1\" $#\r\n"},
			want:  "a b 1\n",
		},
		"script without last line end": {step: shell.Step{Path: "x"}, files: map[string]string{"x": "echo x"}, want: "x\n"},
		"interpreter": {
			step:  shell.Step{Path: "x.awk"},
			files: map[string]string{"x.awk": "#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }\n"},
			want:  "42\n",
		},
		"interpreter through env": {
			step:  shell.Step{Path: "x"},
			files: map[string]string{"x": "#!/usr/bin/env perl\nprint 6 * 7;"},
			want:  "42",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := run(t, &test.step, test.files)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestNothingSecretInTheProcessList(t *testing.T) {
	step := &shell.Step{Inline: "echo s3cret >/dev/null", Env: map[string]string{"PW": "s3cret"}}
	_, g, err := run(t, step, nil)
	if err != nil {
		t.Fatal(err)
	}
	if argv := g.Commands()[0].Argv; strings.Contains(strings.Join(argv, " "), "s3cret") {
		t.Errorf("argv %q", argv)
	}
}

func TestFailure(t *testing.T) {
	_, _, err := run(t, &shell.Step{Inline: "# sets up\nset -u\necho working\nfalse\necho not reached"}, nil)
	exit, ok := errors.AsType[*guest.ExitError](err)
	if !ok || exit.Code != 1 {
		t.Fatalf("got %v, want exit status 1", err)
	}
	if want := "inline script: exit status 1; its output ends with:\n  working"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	_, _, err = run(t, &shell.Step{Path: "setup.sh", Args: []string{"now"}}, map[string]string{"setup.sh": "#!/bin/sh\nexit 7"})
	if err == nil || err.Error() != "setup.sh now: exit status 7" {
		t.Errorf("got %v", err)
	}
	_, _, err = run(t, &shell.Step{Inline: "#!/no/such/interpreter\n"}, nil)
	if exit, ok := errors.AsType[*guest.ExitError](err); !ok || exit.Code != 127 {
		t.Errorf("a missing interpreter gave %v", err)
	}
}

func TestRunThatIsCutOffLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	g := &provisionertest.Local{Env: map[string]string{"TMPDIR": temp}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	begin := time.Now()
	err := (&shell.Step{Inline: "echo started; exec sleep 60"}).Run(ctx, provisionertest.Target(t, g, temp, started))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if time.Since(begin) > 30*time.Second {
		t.Error("the script was waited for instead of ended")
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestValidate(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "binary"), []byte("\x7fELF\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		step shell.Step
		key  string
	}{
		"no script":   {shell.Step{}, "inline"},
		"two scripts": {shell.Step{Inline: "true", Path: "binary"}, "path"},
		"missing":     {shell.Step{Path: "missing.sh"}, "path"},
		"a folder":    {shell.Step{Path: "."}, "path"},
		"binary":      {shell.Step{Path: "binary"}, "path"},
		"odd name":    {shell.Step{Inline: "true", Env: map[string]string{"A-B": ""}}, "env"},
		"NUL":         {shell.Step{Inline: "true", Args: []string{"a", "\x00"}}, "args[1]"},
	} {
		problems := test.step.Validate(dir)
		if len(problems) != 1 || problems[0].Key != test.key || problems[0].Text == "" {
			t.Errorf("%s: got %v, want one about %s", name, problems, test.key)
		}
	}
}
