package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/google/renameio/v2"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// fakeGuest runs commands as processes of this host. It is safe with the harmless commands of tests only: the PATH
// holds a few tools that install and administer nothing (see tools), the home folder is in the machine's file tree,
// and an argument that is a path in that tree is translated; but nothing keeps a script from naming a file of the host.
// Users are not changed: Command.User only sets $USER and the home folder. Terminals are pipes.
type fakeGuest struct {
	fake *Fake
	id   providers.ID
	user string
	env  map[string]string
	path string // the only folder of $PATH

	mu     sync.Mutex
	closed chan struct{}
}

// tools are the host's commands that a fake guest has.
func tools() []string {
	return []string{
		"[", "base64", "basename", "cat", "chmod", "cp", "cut", "date", "dd", "dirname", "echo", "env", "expr", "false",
		"grep", "gzip", "head", "kill", "ls", "mkdir", "mktemp", "mv", "printf", "pwd", "rm", "sed", "sh", "sha256sum",
		"sleep", "sort", "stat", "sync", "tail", "test", "touch", "tr", "true", "uname", "wc",
	}
}

// newFakeGuest makes the folder of tools.
func newFakeGuest(f *Fake, id providers.ID, r fakeRecord, user string) (*fakeGuest, error) {
	g := &fakeGuest{
		fake: f, id: id, user: user, env: r.Env,
		path: filepath.Join(f.dir, "bin"), closed: make(chan struct{}),
	}
	if err := os.MkdirAll(g.path, 0o755); err != nil {
		return nil, err
	}
	for _, tool := range tools() {
		target, err := exec.LookPath(tool)
		if err != nil {
			continue // this host doesn't have it, and so hasn't the guest
		}
		if err := os.Symlink(target, filepath.Join(g.path, tool)); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return g, nil
}

// Run runs a command in a process group of its own.
func (g *fakeGuest) Run(ctx context.Context, command guest.Command) error {
	if err := g.usable(ctx); err != nil {
		return fmt.Errorf("run %s: %w", command.Argv[0], err)
	}
	binary, found := g.lookPath(command.Argv[0])
	if !found {
		if command.Stderr != nil {
			fmt.Fprintf(command.Stderr, "%s: command not found\n", command.Argv[0])
		}
		return &guest.ExitError{Argv: command.Argv, Code: 127}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-g.closed:
			cancel(net.ErrClosed)
		case <-ctx.Done():
		}
	}()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Args = g.translate(command.Argv)
	cmd.Dir, cmd.Env = g.folder(command), g.environ(command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = command.Stdin, command.Stdout, command.Stderr
	if command.Terminal != nil {
		cmd.Stderr = command.Stdout
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("run %s: %w", command.Argv[0], context.Cause(ctx))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError(command.Argv, exit)
	}
	return err
}

// exitError is how a process ended, in the guest's words.
func exitError(argv []string, exit *exec.ExitError) error {
	status, ok := exit.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return &guest.ExitError{Argv: argv, Code: 128 + int(status.Signal()), Signal: signalName(status.Signal())}
	}
	return &guest.ExitError{Argv: argv, Code: exit.ExitCode()}
}

// signalName is "KILL" and the like, or "".
func signalName(signal syscall.Signal) string {
	switch signal {
	case syscall.SIGKILL:
		return "KILL"
	case syscall.SIGTERM:
		return "TERM"
	case syscall.SIGINT:
		return "INT"
	case syscall.SIGHUP:
		return "HUP"
	}
	return ""
}

// usable says whether the guest can be asked something: not closed, and the machine runs.
func (g *fakeGuest) usable(ctx context.Context) error {
	select {
	case <-g.closed:
		return net.ErrClosed
	default:
	}
	r, err := g.fake.read(g.id)
	if err != nil {
		return err
	}
	if r.State != providers.Running {
		return fmt.Errorf("the machine is %s", r.State)
	}
	return ctx.Err()
}

// lookPath finds a command among the tools, or as a file of the machine.
func (g *fakeGuest) lookPath(name string) (string, bool) {
	candidates := []string{filepath.Join(g.path, filepath.Base(name))}
	if filepath.IsAbs(name) {
		candidates = []string{g.host(name), candidates[0]}
	}
	for _, candidate := range candidates {
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return candidate, true
		}
	}
	return "", false
}

// translate replaces arguments that are paths of the machine's files by where these are on the host.
func (g *fakeGuest) translate(argv []string) []string {
	translated := make([]string, len(argv))
	for i, arg := range argv {
		translated[i] = arg
		if !path.IsAbs(arg) {
			continue
		}
		if _, err := os.Lstat(g.host(arg)); err == nil {
			translated[i] = g.host(arg)
		}
	}
	return translated
}

// host is where a path of the machine is on the host; it can't lead out of the machine's file tree.
func (g *fakeGuest) host(name string) string {
	return filepath.Join(g.fake.rootDir(g.id), filepath.FromSlash(path.Clean("/"+name)))
}

// home is the home folder of the command's user.
func (g *fakeGuest) home(command guest.Command) string {
	if command.User == "root" || command.User == "" && g.user == "root" {
		return g.host("/root")
	}
	return g.host("/home/" + g.user)
}

// folder is the command's working directory on the host.
func (g *fakeGuest) folder(command guest.Command) string {
	if command.Dir == "" {
		return g.home(command)
	}
	return g.host(command.Dir)
}

// environ is the command's whole environment.
func (g *fakeGuest) environ(command guest.Command) []string {
	user := command.User
	if user == "" {
		user = g.user
	}
	env := []string{"PATH=" + g.path, "HOME=" + g.home(command), "USER=" + user, "COLABO_FAKE_ROOT=" + g.host("/")}
	for key, value := range g.env {
		env = append(env, key+"="+value)
	}
	for key, value := range command.Env {
		env = append(env, key+"="+value)
	}
	return env
}

// Upload writes a file of the machine's tree. Owners are not kept.
func (g *fakeGuest) Upload(ctx context.Context, content io.Reader, file guest.File) error {
	if err := g.usable(ctx); err != nil {
		return fmt.Errorf("upload %s: %w", file.Path, err)
	}
	mode := file.Mode.Perm()
	if mode == 0 {
		mode = 0o644
	}
	target := g.host(file.Path)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("upload %s: %w", file.Path, err)
	}
	pending, err := renameio.NewPendingFile(target, renameio.WithStaticPermissions(mode))
	if err != nil {
		return fmt.Errorf("upload %s: %w", file.Path, err)
	}
	defer pending.Cleanup() //nolint:errcheck // nothing is left to clean up after the replacement
	if _, err := io.Copy(pending, content); err != nil {
		return fmt.Errorf("upload %s: %w", file.Path, err)
	}
	return pending.CloseAtomicallyReplace()
}

// Download reads a file of the machine's tree.
func (g *fakeGuest) Download(ctx context.Context, name string, w io.Writer) error {
	if err := g.usable(ctx); err != nil {
		return fmt.Errorf("download %s: %w", name, err)
	}
	file, err := os.Open(g.host(name))
	if err != nil {
		return fmt.Errorf("download %s: %w", name, err)
	}
	defer file.Close()
	if _, err := io.Copy(w, file); err != nil {
		return fmt.Errorf("download %s: %w", name, err)
	}
	return nil
}

// Dial connects to a loopback port of this host, or to a unix socket in the machine's tree.
func (g *fakeGuest) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := g.usable(ctx); err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	var dialer net.Dialer
	if network != "unix" {
		if err := loopback(address); err != nil {
			return nil, err
		}
		return dialer.DialContext(ctx, network, address)
	}
	// The path may be longer than a socket's address can be; through the folder's descriptor it never is.
	dir, err := os.Open(filepath.Dir(g.host(address)))
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	defer dir.Close()
	fd := strconv.FormatUint(uint64(dir.Fd()), 10)
	return dialer.DialContext(ctx, network, filepath.Join("/proc/self/fd", fd, path.Base(address)))
}

// loopback refuses addresses that are not this host's own.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback() && !ip.IsUnspecified()) {
		return fmt.Errorf("dial %s: a fake guest reaches loopback addresses only", address)
	}
	return nil
}

// Close ends the commands that still run.
func (g *fakeGuest) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.closed:
	default:
		close(g.closed)
	}
	return nil
}
