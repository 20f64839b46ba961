package providertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// testRun: commands run as they are given, and how they end is told exactly.
func (s *suite) testRun(t *testing.T, spec providers.Spec, g guest.Guest) {
	t.Run("ends", func(t *testing.T) { s.runEnds(t, g) })
	t.Run("arguments reach the command untouched", func(t *testing.T) {
		args := []string{"a b", "", "$HOME", "'q'", `"d"`, `back\slash`, "*", "line\nbreak", "Ünï", "; exit 3", "`id`"}
		stdout, _, err := s.output(t, g, guest.Command{Argv: append([]string{"printf", `%s|`}, args...)})
		must(t, err, "printf")
		if want := strings.Join(args, "|") + "|"; stdout != want {
			t.Errorf("printf got %q, want %q", stdout, want)
		}
	})
	t.Run("environment", func(t *testing.T) {
		value := "a 'b' \"c\" $D\n`e` é"
		stdout, _, err := s.output(t, g, guest.Command{
			Argv: []string{"sh", "-c", `printf %s "$COLABO_CONTRACT"`}, Env: map[string]string{"COLABO_CONTRACT": value},
		})
		must(t, err, "printf")
		if stdout != value {
			t.Errorf("the variable is %q, want %q", stdout, value)
		}
	})
	t.Run("no input is an empty input", func(t *testing.T) {
		stdout, _, err := s.output(t, g, guest.Command{Argv: []string{"cat"}})
		must(t, err, "cat")
		if stdout != "" {
			t.Errorf("cat printed %q", stdout)
		}
	})
	t.Run("binary input and output", func(t *testing.T) { s.runBinary(t, g) })
	t.Run("stdout and stderr apart", func(t *testing.T) {
		stdout, stderr, err := s.output(t, g, guest.Command{Argv: []string{"sh", "-c", "echo out; echo err >&2; exit 4"}})
		if code := exitCode(t, err); stdout != "out\n" || stderr != "err\n" || code != 4 {
			t.Errorf("stdout %q, stderr %q, exit status %d", stdout, stderr, code)
		}
	})
	t.Run("in parallel", func(t *testing.T) { s.runParallel(t, g) })
	t.Run("cancelled", func(t *testing.T) { s.runCancelled(t, g) })
	t.Run("after a cancelled one", func(t *testing.T) {
		must(t, g.Run(s.ctx(t), guest.Command{Argv: []string{"true"}}), "true")
	})
	if !s.HostProcesses {
		t.Run("users", func(t *testing.T) { s.runUsers(t, spec, g) })
	}
}

// runEnds: a command that did not succeed is told from one of which nothing is known.
func (s *suite) runEnds(t *testing.T, g guest.Guest) {
	t.Run("exit status", func(t *testing.T) {
		for _, want := range []int{0, 1, 7, 255} {
			_, _, err := s.output(t, g, guest.Command{Argv: []string{"sh", "-c", fmt.Sprintf("exit %d", want)}})
			if got := exitCode(t, err); got != want {
				t.Errorf("exit status is %d, want %d", got, want)
			}
		}
	})
	t.Run("ended by a signal", func(t *testing.T) {
		_, _, err := s.output(t, g, guest.Command{Argv: []string{"sh", "-c", "kill -KILL $$"}})
		if got := exitCode(t, err); got != 128+9 {
			t.Errorf("exit status is %d, want 137", got)
		}
	})
	t.Run("no such command", func(t *testing.T) {
		_, _, err := s.output(t, g, guest.Command{Argv: []string{"colabo-no-such-command"}})
		if got := exitCode(t, err); got != 127 && got != 126 {
			t.Errorf("exit status is %d, want 127 or 126", got)
		}
	})
}

// output runs a command and returns what it printed.
func (s *suite) output(t *testing.T, g guest.Guest, cmd guest.Command) (stdout, stderr string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = g.Run(s.ctx(t), cmd)
	return out.String(), errOut.String(), err
}

// runBinary: bytes of every value go in and come out, more of them than any pipe holds.
func (s *suite) runBinary(t *testing.T, g guest.Guest) {
	sent := binary(1 << 20)
	hash := sha256.New()
	must(t, g.Run(s.ctx(t), guest.Command{Argv: []string{"cat"}, Stdin: bytes.NewReader(sent), Stdout: hash}), "cat")
	if want := sha256.Sum256(sent); !bytes.Equal(hash.Sum(nil), want[:]) {
		t.Error("cat printed something else than it was sent")
	}
}

// runParallel: several commands at once do not mix their output.
func (s *suite) runParallel(t *testing.T, g guest.Guest) {
	const commands = 5
	outputs := make([]bytes.Buffer, commands)
	errs := make([]error, commands)
	var wg sync.WaitGroup
	for i := range commands {
		ctx := s.ctx(t)
		wg.Go(func() {
			errs[i] = g.Run(ctx, guest.Command{Argv: []string{"echo", fmt.Sprint(i)}, Stdout: &outputs[i]})
		})
	}
	wg.Wait()
	must(t, errors.Join(errs...), "echo in parallel")
	for i := range outputs {
		if got, want := outputs[i].String(), fmt.Sprintf("%d\n", i); got != want {
			t.Errorf("command %d printed %q", i, got)
		}
	}
}

// runCancelled: a command that hangs ends with its context, soon, and its context's error is returned.
func (s *suite) runCancelled(t *testing.T, g guest.Guest) {
	ctx, cancel := context.WithCancel(s.ctx(t))
	defer cancel()
	started := &signalWriter{seen: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		ended <- g.Run(ctx, guest.Command{Argv: []string{"sh", "-c", "echo started; exec sleep 600"}, Stdout: started})
	}()
	select {
	case <-started.seen:
	case err := <-ended:
		t.Fatalf("sleep ended by itself: %v", err)
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's error", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("Run did not return within 30s of its context's end")
	}
}

// signalWriter says when something was written first.
type signalWriter struct {
	once sync.Once
	seen chan struct{}
}

// Write closes seen.
func (w *signalWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.seen) })
	return len(p), nil
}

// runUsers: commands run as the login user unless they name another, and the guest has the host name it was given.
func (s *suite) runUsers(t *testing.T, spec providers.Spec, g guest.Guest) {
	for _, test := range []struct {
		name string
		cmd  guest.Command
		want string
	}{
		{"login user", guest.Command{Argv: []string{"id", "-un"}}, spec.User},
		{"root", guest.Command{Argv: []string{"id", "-un"}, User: "root"}, "root"},
		{"another", guest.Command{Argv: []string{"id", "-un"}, User: "nobody"}, "nobody"},
		{"sudo", guest.Command{Argv: []string{"sudo", "-n", "id", "-un"}}, "root"},
		{"home", guest.Command{Argv: []string{"pwd"}}, "/home/" + spec.User},
		{"home of root", guest.Command{Argv: []string{"pwd"}, User: "root"}, "/root"},
		{"folder", guest.Command{Argv: []string{"pwd"}, Dir: "/var/lib"}, "/var/lib"},
		{"host name", guest.Command{Argv: []string{"uname", "-n"}}, spec.Hostname},
	} {
		stdout, stderr, err := s.output(t, g, test.cmd)
		if err != nil || strings.TrimSpace(stdout) != test.want {
			t.Errorf("%s: got %q %q %v, want %q", test.name, stdout, stderr, err, test.want)
		}
	}
}

// binary is n bytes of every value.
func binary(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7 + i>>8)
	}
	return data
}
