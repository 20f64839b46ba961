package sshguest

import (
	"fmt"
	"net"
	"strings"

	"github.com/colabo/colabo/internal/guest"
)

// OpenSSH says how OpenSSH's ssh(1) reaches a guest, for logins that a person types in.
type OpenSSH struct {
	Address        string // "ip:port"
	User           string
	IdentityFile   string
	KnownHostsFile string
	HostKeyAlias   string   // the name under which KnownHostsFile has the key; "" is Address
	Options        []string // further arguments, before the host: "-t", "-L", "8000:127.0.0.1:80"
}

// Args returns the arguments for ssh(1), the host last; a command for the guest may follow.
// The user's own ssh configuration and agent have no part in it, and a host with another key is refused.
func (o OpenSSH) Args() ([]string, error) {
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, fmt.Errorf("ssh to %q: %w", o.Address, err)
	}
	args := []string{"-F", "/dev/null"}
	for _, option := range []string{
		"StrictHostKeyChecking=yes",
		"UserKnownHostsFile=" + configFile(o.KnownHostsFile),
		"GlobalKnownHostsFile=/dev/null",
		"HostKeyAlgorithms=ssh-ed25519",
		"UpdateHostKeys=no",
		"IdentityFile=" + configFile(o.IdentityFile),
		"IdentitiesOnly=yes",
		"PreferredAuthentications=publickey",
		"ServerAliveInterval=15",
		"LogLevel=ERROR",
	} {
		args = append(args, "-o", option)
	}
	if o.HostKeyAlias != "" {
		args = append(args, "-o", "HostKeyAlias="+o.HostKeyAlias)
	}
	args = append(args, "-p", port, "-l", o.User)
	args = append(args, o.Options...)
	return append(args, "--", host), nil
}

// configFile is a path as the value of an option of ssh_config(5), which splits at blanks and expands percent signs.
func configFile(path string) string {
	return `"` + strings.NewReplacer(`%`, `%%`, `"`, `\"`, `\`, `\\`).Replace(path) + `"`
}

// CommandLine returns cmd as one line for the shell of a login as user, to follow Args. Streams and Terminal play no part.
func CommandLine(cmd guest.Command, user string) (string, error) {
	script, err := script(cmd, cmd.User != "" && cmd.User != user)
	if err != nil || cmd.User == "" || cmd.User == user {
		return script, err
	}
	return elevate(cmd.User, script), nil
}
