// Package provisionertest helps to test steps without a machine: Local is a guest that is this host itself, so that the
// scripts which steps send are really run.
package provisionertest

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// Local runs commands on this host as the current user, whatever user they ask for, and keeps a record of them.
type Local struct {
	// Env is set for every command, as a login would.
	Env map[string]string

	mu       sync.Mutex
	commands []guest.Command
}

var _ guest.Guest = (*Local)(nil)

// Commands returns what was run so far, in order.
func (l *Local) Commands() []guest.Command {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.commands)
}

// Run runs the command. When ctx ends, it is sent SIGTERM and waited for.
func (l *Local) Run(ctx context.Context, command guest.Command) error {
	l.mu.Lock()
	l.commands = append(l.commands, command)
	l.mu.Unlock()
	process := exec.CommandContext(ctx, command.Argv[0], command.Argv[1:]...)
	process.Dir, process.Stdin, process.Stdout, process.Stderr = command.Dir, command.Stdin, command.Stdout, command.Stderr
	process.Cancel = func() error { return process.Process.Signal(syscall.SIGTERM) }
	process.Env = os.Environ()
	for _, env := range []map[string]string{l.Env, command.Env} {
		for _, name := range slices.Sorted(maps.Keys(env)) {
			process.Env = append(process.Env, name+"="+env[name])
		}
	}
	err := process.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &guest.ExitError{Argv: command.Argv, Code: exit.ExitCode()}
	}
	return err
}

// Upload writes a file of this host.
func (l *Local) Upload(_ context.Context, content io.Reader, file guest.File) error {
	text, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file.Path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file.Path, text, file.Mode)
}

// Download reads a file of this host.
func (l *Local) Download(_ context.Context, path string, w io.Writer) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// Dial connects from this host.
func (l *Local) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}

// Close does nothing.
func (l *Local) Close() error { return nil }

// Target returns a target on g for a project in dir; what the step prints goes to output. It has no container engine.
func Target(t *testing.T, g guest.Guest, dir string, output io.Writer) provisioners.Target {
	t.Helper()
	return provisioners.Target{
		Guest: g, Project: "funtime", Machine: "dev", Step: "step", Dir: dir, User: "colabo",
		Output:   output,
		Progress: func(text string) { t.Logf("progress: %s", text) },
		Containers: func(context.Context) (providers.ContainerEngine, error) {
			return providers.ContainerEngine{}, errors.New("this target has no container engine")
		},
	}
}
