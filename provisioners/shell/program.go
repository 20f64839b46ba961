package shell

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// program is what `sh -s` is sent: it puts the script into a private temporary file, runs it and removes it.
// The line that runs the script is the last one, so a connection that breaks half-way runs nothing.
func program(script []byte, args []string, env map[string]string) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(env[name]))
	}
	b.WriteString("mask=$(umask); umask 077\n" +
		"file=$(mktemp \"${TMPDIR:-/tmp}/colabo-XXXXXXXX\") || exit 1\n" +
		"trap 'rm -f \"$file\"' EXIT\n" +
		"child= cut=\n" +
		"trap 'cut=1; kill -TERM $child 2>/dev/null' HUP INT TERM\n")
	end := endMark(script)
	fmt.Fprintf(&b, "cat >\"$file\" <<'%s' || exit 1\n", end)
	b.Write(script)
	if len(script) > 0 && script[len(script)-1] != '\n' {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s\numask \"$mask\"\n", end)
	b.WriteString("set -- \"$file\"")
	for _, arg := range args {
		b.WriteString(" " + quote(arg))
	}
	b.WriteString("\n" + interpreter(script))
	// A signal ends the first wait; the script's own end is the second's.
	b.WriteString("\"$@\" </dev/null & child=$!; wait $child; code=$?; [ -z \"$cut\" ] || { wait $child; code=$?; }; exit $code\n")
	return b.Bytes()
}

// interpreter puts the program that runs the script in front of "$@". As in the kernel, all that follows an
// interpreter's name on the #! line is one argument. The temporary file need not be executable, so a /tmp mounted
// noexec is no obstacle.
func interpreter(script []byte) string {
	first, _, _ := bytes.Cut(script, []byte("\n"))
	line, ok := bytes.CutPrefix(first, []byte("#!"))
	name, arg, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	if !ok || name == "" {
		return "if command -v bash >/dev/null 2>&1; then set -- bash -e \"$@\"; else set -- sh -e \"$@\"; fi\n"
	}
	if arg = strings.TrimSpace(arg); arg != "" {
		return fmt.Sprintf("set -- %s %s \"$@\"\n", quote(name), quote(arg))
	}
	return fmt.Sprintf("set -- %s \"$@\"\n", quote(name))
}

// unixLines makes LF of each CR LF and drops a byte order mark.
func unixLines(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// endMark is a line that does not occur in the script.
func endMark(script []byte) string {
	sum := sha256.Sum256(script)
	return "colabo-" + hex.EncodeToString(sum[:12])
}

// quote makes one word of a POSIX shell, whatever is in it.
func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
