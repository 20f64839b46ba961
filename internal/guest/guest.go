// Package guest says what can be done inside a running machine: run a command, move files, dial a socket.
//
// Here are the interface and what is portable above it. The two ways in are the packages
// sshguest (VMs, over one ssh connection) and dockerguest (containers, through the engine's exec).
package guest

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
)

// Guest is a running machine. Its methods may be called from several goroutines at once.
type Guest interface {
	// Run runs a command and waits until it has ended and its output was written.
	// A command that ran and did not succeed is an *ExitError; any other error means that
	// nothing is known about it (connection lost, no such user). When ctx ends, the command is
	// sent SIGTERM as far as the way in allows, and ctx's error is returned.
	Run(ctx context.Context, cmd Command) error
	// Upload writes content to a file in the guest, as root: the file appears whole or not at all
	// (temporary file and rename in the target's folder). Missing parent folders are made.
	Upload(ctx context.Context, content io.Reader, file File) error
	// Download copies a file's content out of the guest, as root.
	// A file that is not there is an error that satisfies errors.Is(err, fs.ErrNotExist).
	Download(ctx context.Context, path string, w io.Writer) error
	// Dial connects to a socket as seen from inside the guest. network is "tcp" or "unix".
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Close ends the connection to the guest; commands that still run are cut off.
	Close() error
}

// File is the target of an Upload.
type File struct {
	Path  string      // absolute
	Mode  fs.FileMode // permission bits; 0 means 0644
	Owner string      // "user", "user:group" or "" for root
}

// Command is one process in the guest.
type Command struct {
	Argv   []string          // never interpreted by a shell, whatever is in it
	Env    map[string]string // added to the login's environment
	Dir    string            // working directory; "" is the home folder
	User   string            // "" is the login user; "root" is always there
	Stdin  io.Reader         // nil is an empty input
	Stdout io.Writer         // nil discards
	Stderr io.Writer         // nil discards; may be the same writer as Stdout
	// Terminal, when not nil, runs the command on a terminal; Stdout then gets both streams.
	Terminal *Terminal
}

// Terminal describes the terminal a command runs on.
type Terminal struct {
	Type   string // $TERM
	Size   Size
	Resize <-chan Size // nil when the size never changes
}

// Size is a terminal's size in character cells.
type Size struct{ Columns, Rows int }

// ExitError is a command that ran in the guest and did not succeed.
type ExitError struct {
	Argv   []string
	Code   int    // exit status; 128+n when signal n ended it
	Signal string // "KILL" and the like where known, else ""
}

// Error names the command and how it ended.
func (e *ExitError) Error() string {
	how := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != "" {
		how = "ended by signal " + e.Signal
	}
	return fmt.Sprintf("%s: %s", abbreviate(e.Argv), how)
}

// abbreviate is argv on one line, short enough for a message.
func abbreviate(argv []string) string {
	line := strings.Join(strings.Fields(strings.Join(argv, " ")), " ")
	if runes := []rune(line); len(runes) > 80 {
		return string(runes[:79]) + "…"
	}
	return line
}
