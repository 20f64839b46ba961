package sshguest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/colabo/colabo/internal/guest"
)

// inlineLimit is how long a command line may be: Linux takes at most 128 KiB in one argument.
const inlineLimit = 64 << 10

// startMark is what an elevated command writes to stderr first, followed by its process id and a line break. What comes
// before it was said by sudo; when it never comes, sudo did not start the command.
const startMark = '\x01'

// invocation is a guest.Command as it goes over the wire.
type invocation struct {
	line     string // for the login shell
	prologue string // sent before the command's own input: the part that nobody else in the guest is to see
	elevated bool   // run by sudo
	marked   bool   // begins its stderr with startMark
}

// invoke translates a command for a login as user.
//
// Environment values may be secret, and a command line can be read by every user of the guest. They therefore go in at
// the start of the input, except on a terminal, which would show them.
func invoke(cmd guest.Command, user string) (invocation, error) {
	inv := invocation{elevated: cmd.User != "" && cmd.User != user}
	script, err := script(cmd, inv.elevated)
	if err != nil {
		return inv, err
	}
	inv.marked = inv.elevated && cmd.Terminal == nil
	if cmd.Terminal == nil && (len(cmd.Env) > 0 || len(script) > inlineLimit) {
		inv.prologue = "{ " + script + "; }" // cut off in the middle, it is no valid script
		script = `eval "$(head -c ` + strconv.Itoa(len(inv.prologue)) + `)"`
	}
	if inv.marked {
		script = `printf '\001%s\n' "$$" >&2; ` + script
	}
	if inv.elevated {
		script = elevate(cmd.User, script)
	}
	inv.line = script
	return inv, nil
}

// elevate runs a script as another user.
func elevate(user, script string) string {
	return "exec sudo -n -H -u " + quote(user) + " -- sh -c " + quote(script)
}

// script is the command in the words of a POSIX shell. It ends in exec, so that the exit status, a signal that ends
// the command and its process id are the command's own.
func script(cmd guest.Command, elevated bool) (string, error) {
	if len(cmd.Argv) == 0 || cmd.Argv[0] == "" {
		return "", errors.New("run command: no program named")
	}
	for _, s := range slices.Concat(cmd.Argv, []string{cmd.Dir, cmd.User}, slices.Collect(maps.Values(cmd.Env))) {
		if strings.ContainsRune(s, 0) {
			return "", fmt.Errorf("run %s: %q has a NUL byte", cmd.Argv[0], s)
		}
	}
	var b strings.Builder
	switch {
	case cmd.Dir == "" && elevated:
		b.WriteString("cd 2>/dev/null || cd /; ")
	case strings.HasPrefix(cmd.Dir, "/"):
		b.WriteString("cd " + quote(cmd.Dir) + " || exit 126; ")
	case cmd.Dir != "":
		b.WriteString("cd && cd " + quote("./"+cmd.Dir) + " || exit 126; ")
	}
	for _, name := range slices.Sorted(maps.Keys(cmd.Env)) {
		if !isName(name) {
			return "", fmt.Errorf("run %s: %q can't be the name of an environment variable", cmd.Argv[0], name)
		}
		b.WriteString("export " + name + "=" + quote(cmd.Env[name]) + "; ")
	}
	b.WriteString("exec ")
	if strings.HasPrefix(cmd.Argv[0], "-") {
		b.WriteString("-- ")
	}
	for i, arg := range cmd.Argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quote(arg))
	}
	return b.String(), nil
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,@%+", r)
	}
	// A program is quoted too when it might be a keyword or an alias; a leading slash excludes both.
	if strings.HasPrefix(s, "/") && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// isName reports whether s is a name that a POSIX shell can export.
func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
