package boxes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/colabo/colabo/internal/hint"
)

// tool is a program of the host that a recipe needs, and the Debian package that has it.
type tool struct {
	name string // looked up in searchPath; with a slash, the path of any file
	pkg  string
}

// searchPath is where tools are: an ordinary user's PATH lacks half of them, and cron's too.
var searchPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// checkTools names all missing tools in one error, with the command that installs them.
func checkTools(tools []tool) error {
	var names, pkgs []string
	for _, t := range tools {
		if !t.present() {
			names = append(names, t.name)
			pkgs = append(pkgs, t.pkg)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(pkgs)
	return hint.New(fmt.Errorf("not installed: %s", strings.Join(names, ", ")),
		"run `apt-get install --no-install-recommends "+strings.Join(slices.Compact(pkgs), " ")+"` as root")
}

func (t tool) present() bool {
	if strings.Contains(t.name, "/") {
		_, err := os.Stat(t.name)
		return err == nil
	}
	return lookTool(t.name) != ""
}

// lookTool returns the path of the program of that name, "" when there is none.
func lookTool(name string) string {
	for _, dir := range searchPath {
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// ToolError is the failure of an external command.
type ToolError struct {
	Argv   []string
	Output string // the end of what it wrote
	Err    error
}

// Error gives the command, why it ended, and the end of its output, in several lines.
func (e *ToolError) Error() string {
	msg := fmt.Sprintf("%s: %v", strings.Join(e.Argv, " "), e.Err)
	if e.Output != "" {
		msg += "\n" + e.Output
	}
	return msg
}

// Unwrap returns what the operating system said of the command, and ENOSPC where its output says so.
func (e *ToolError) Unwrap() []error {
	if strings.Contains(e.Output, "No space left on device") {
		return []error{e.Err, syscall.ENOSPC}
	}
	return []error{e.Err}
}

// isolated are the arguments of unshare that start a command in mount and process namespaces of its own. All that it
// started is killed when it ends or we do, even by SIGKILL, and with the last process go its mounts and their loop devices.
var isolated = []string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"}

// run runs argv, which goes to stdout if that is not nil; each line it writes elsewhere becomes a Progress of that stage.
// It returns when all processes that hold the output have ended. Its error names the stage; where ctx ended it wraps ctx's error.
// What the tool keeps in TMPDIR is deleted when run returns: a tool that is killed does not tidy up.
func run(ctx context.Context, argv []string, stage string, stdout io.Writer, report func(Progress)) (err error) {
	report(Progress{Stage: stage})
	temporary, err := os.MkdirTemp("", "colabo-box-")
	if err != nil {
		return fmt.Errorf("%s: %w", stage, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	cmd := exec.CommandContext(ctx, lookTool("unshare"), slices.Concat(isolated, argv)...)
	cmd.Env = []string{
		"PATH=" + strings.Join(searchPath, ":"), "LC_ALL=C.UTF-8", "HOME=/root", "DEBIAN_FRONTEND=noninteractive",
		"TMPDIR=" + temporary,
	}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "SOURCE_DATE_EPOCH"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 10 * time.Second
	out := &lineWriter{line: func(line string) { report(Progress{Stage: stage, Detail: line}) }}
	cmd.Stderr = out
	cmd.Stdout = out
	if stdout != nil {
		cmd.Stdout = stdout
	}
	// The parent that Pdeathsig watches is the thread: it has to live as long as the command.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", stage, ctx.Err()) // what a killed tool said is of no use
	}
	return fmt.Errorf("%s: %w", stage, &ToolError{Argv: argv, Output: out.tail(), Err: err})
}

// tailLines is how much of a tool's output an error shows.
const tailLines = 15

// lineWriter cuts what is written to it into lines and keeps the last ones.
type lineWriter struct {
	line    func(string)
	partial []byte
	last    []string
}

// Write never fails. A carriage return ends a line as well: that is how tools draw progress.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.partial = append(w.partial, p...)
	for {
		i := bytes.IndexAny(w.partial, "\r\n")
		if i < 0 {
			return len(p), nil
		}
		w.add(string(w.partial[:i]))
		w.partial = w.partial[i+1:]
	}
}

func (w *lineWriter) add(line string) {
	line = strings.TrimSpace(strings.ToValidUTF8(line, "?"))
	if line == "" {
		return
	}
	w.last = append(w.last, line)
	if len(w.last) > tailLines {
		w.last = w.last[1:]
	}
	w.line(line)
}

func (w *lineWriter) tail() string {
	w.add(string(w.partial))
	w.partial = nil
	return strings.Join(w.last, "\n")
}

// errNotRoot is why an ordinary user can't build: owners and devices in the new system are made with root's powers.
var errNotRoot = errors.New("building a box needs root")
