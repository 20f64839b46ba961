// Package forward keeps a project's port forwards, in one background process a project: it listens on the host and dials
// into the machines over ssh, one connection a machine, which it makes anew when a machine was restarted.
//
// Apply starts that process and tells it what is wanted, Serve is what the process runs, Stop ends it. Its open
// connections also serve others: Dial and Guest save a login, which costs a second in an emulated machine.
// Whether the process is there is said by a lock that the kernel takes from it when it dies, never by a file that it left.
package forward

import (
	"errors"
	"fmt"
)

// ErrNotRunning means that no background process serves the project, or it does not know the machine.
var ErrNotRunning = errors.New("no port forwards running")

// Config is all that the background process is to serve.
type Config struct {
	Targets  map[string]Target `json:"targets"` // by the machine's name
	Forwards []Forward         `json:"forwards"`
}

// Target says how a machine is reached.
type Target struct {
	Address string `json:"address"`  // of its ssh server, "ip:port"
	User    string `json:"user"`     // login user
	KeyFile string `json:"key_file"` // absolute path of the private key
	HostKey string `json:"host_key"` // the only host key accepted, a line of authorized_keys(5)
	// Emulated: the machine's processor is emulated; prefer what costs it little.
	Emulated bool `json:"emulated,omitempty"`
}

// Forward is one port of the host that leads into a machine.
type Forward struct {
	Machine  string `json:"machine"`
	Listen   string `json:"listen"`   // on the host, "127.0.0.1:8080"; no two Forwards have the same
	Target   string `json:"target"`   // as seen from inside the machine, "127.0.0.1:80"
	Protocol string `json:"protocol"` // "tcp"; "" means that too
}

// Result says what became of a Config.
type Result struct {
	// Failed are the forwards that could not be opened; the others are open.
	Failed []Failure `json:"failed,omitempty"`
}

// Failure is a forward that is not open, and why.
type Failure struct {
	Forward
	Message string `json:"message"`
	// Busy: another program of this host uses the port.
	Busy bool `json:"busy"`
}

// Error names the port.
func (f Failure) Error() string {
	return fmt.Sprintf("forward %s to %s of %s: %s", f.Listen, f.Target, f.Machine, f.Message)
}

// Status is how the background process is now; the zero value when there is none.
type Status struct {
	Running  bool             `json:"running"`
	PID      int              `json:"pid"`
	Forwards []Forward        `json:"forwards"` // those that are open
	Machines map[string]State `json:"machines"`
}

// State is the connection to one machine.
type State struct {
	Connected bool   `json:"connected"`
	Error     string `json:"error,omitempty"` // of the last attempt to connect
}
