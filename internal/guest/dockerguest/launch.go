package dockerguest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
)

// launcher starts a command the way a login would, under any POSIX shell. It assigns to no variable but HOME, because a
// name that came with the environment would stay exported with the wrong value.
//
// $1 is the user whose home HOME becomes ("": leave it), $2 the working directory ("": the home folder, or / where there is
// none), $3 and $4 the terminal's rows and columns (0: no terminal). It first prints its process id, which becomes the
// command's: runc made it a session and process group leader, so that a signal to the group reaches its children.
const launcher = `echo "$$"
[ "$3" = 0 ] || stty rows "$3" cols "$4" 2>/dev/null
[ -z "$1" ] || eval "HOME=~$1"
if [ -n "$2" ]; then cd "$2" || exit 1; else cd "${HOME:-/}" 2>/dev/null || cd /; fi
shift 4
exec "$@"`

// shell is what runs scripts in the guest.
const shell = "/bin/sh"

// script is the argv of a shell script with its arguments.
func script(text string, args ...string) []string {
	return append([]string{shell, "-c", text, "sh"}, args...)
}

// options turns a command into an exec without the launcher.
func (g *Guest) options(cmd guest.Command) client.ExecCreateOptions {
	o := client.ExecCreateOptions{
		User:         g.userOf(cmd),
		TTY:          cmd.Terminal != nil,
		AttachStdin:  cmd.Stdin != nil,
		AttachStdout: true,
		AttachStderr: cmd.Terminal == nil,
		WorkingDir:   cmd.Dir,
		Cmd:          cmd.Argv,
	}
	if name := accountName(o.User); name != "" {
		o.Env = append(o.Env, "USER="+name, "LOGNAME="+name)
	}
	if cmd.Terminal != nil && cmd.Terminal.Type != "" {
		o.Env = append(o.Env, "TERM="+cmd.Terminal.Type)
	}
	for _, name := range slices.Sorted(maps.Keys(cmd.Env)) {
		o.Env = append(o.Env, name+"="+cmd.Env[name])
	}
	return o
}

// launched turns a command into an exec through the launcher.
func (g *Guest) launched(cmd guest.Command) client.ExecCreateOptions {
	o := g.options(cmd)
	o.WorkingDir = ""
	home := accountName(o.User)
	if _, given := cmd.Env["HOME"]; given {
		home = ""
	}
	var size guest.Size
	if cmd.Terminal != nil {
		size = cmd.Terminal.Size
	}
	args := []string{home, cmd.Dir, strconv.Itoa(size.Rows), strconv.Itoa(size.Columns)}
	o.Cmd = script(launcher, append(args, cmd.Argv...)...)
	return o
}

// userOf is the user that a command runs as, in the engine's form.
func (g *Guest) userOf(cmd guest.Command) string {
	if cmd.User != "" {
		return cmd.User
	}
	return g.user
}

// accountName is user where it is a plain account name, else "" (a number, "user:group", anything a shell would expand).
func accountName(user string) string {
	letters := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
	}
	for i, r := range user {
		if !letters(r) && (i == 0 || !strings.ContainsRune("0123456789-.", r)) {
			return ""
		}
	}
	return user
}

// opening takes the launcher's first line off the front of a command's output. Until that line is whole nothing is
// handed on; what comes instead of it is the engine's word on why nothing was started.
type opening struct {
	next io.Writer
	pid  chan int // gets the process id, once
	seen bool
	text bytes.Buffer
}

func newOpening(next io.Writer) *opening {
	return &opening{next: next, pid: make(chan int, 1)}
}

// Write implements io.Writer.
func (o *opening) Write(p []byte) (int, error) {
	if o.seen {
		return o.next.Write(p)
	}
	o.text.Write(p)
	line, rest, whole := bytes.Cut(o.text.Bytes(), []byte("\n"))
	if !whole {
		return len(p), nil
	}
	pid, ok := processID(line)
	if !ok {
		return len(p), nil
	}
	o.seen = true
	o.pid <- pid
	if len(rest) > 0 {
		if _, err := o.next.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// processID reads the launcher's line; a terminal ends it with a carriage return too.
func processID(line []byte) (int, bool) {
	pid, err := strconv.Atoi(string(bytes.TrimRight(line, "\r")))
	return pid, err == nil
}

// refusal is the engine's text where it started nothing. Call it after the output's end.
func (o *opening) refusal() string {
	return strings.TrimSpace(o.text.String())
}

// withheld passes a command's output on unless it begins as the engine's own message about a failed start.
// It stands in for opening where there is no shell for the launcher.
type withheld struct {
	next io.Writer
	text bytes.Buffer
	open bool
}

// startFailures are how an engine's report about a failed start begins.
func startFailures() []string {
	return []string{"OCI runtime exec failed", "unable to find user"}
}

// Write implements io.Writer.
func (w *withheld) Write(p []byte) (int, error) {
	if w.open {
		return w.next.Write(p)
	}
	w.text.Write(p)
	for _, start := range startFailures() {
		n := min(len(start), w.text.Len())
		if start[:n] == string(w.text.Bytes()[:n]) {
			return len(p), nil
		}
	}
	return len(p), w.flush()
}

// flush hands on what was kept back.
func (w *withheld) flush() error {
	w.open = true
	_, err := w.next.Write(w.text.Bytes())
	w.text.Reset()
	if err != nil {
		return fmt.Errorf("write the command's output: %w", err)
	}
	return nil
}
