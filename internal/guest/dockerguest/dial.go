package dockerguest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/hint"
)

// relayScript runs the relay with what is there to run it: perl (part of every Debian and Ubuntu) starts fastest.
// $1 is the relay in perl, $2 in python, and what follows are the relay's arguments. "!" says that neither is there.
const relayScript = `perl=$1 python=$2
shift 2
if command -v perl >/dev/null 2>&1; then exec perl -e "$perl" -- "$@"; fi
for program in python3 /usr/libexec/platform-python; do
  if command -v "$program" >/dev/null 2>&1; then exec "$program" -c "$python" "$@"; fi
done
echo '!'`

// Dial implements guest.Guest: it connects from inside the container, as root, so that services on 127.0.0.1 and sockets of
// the container are reached. The connection is a small relay in the guest (perl or python3, one process a connection) on
// an exec's input and output. It has CloseWrite; deadlines work; once the peer has closed its side, the whole is closed.
// An error that the connect met is a *net.OpError around the errno: errors.Is(err, syscall.ECONNREFUSED).
func (g *Guest) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := g.dial(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: inside{network, address}, Err: err}
	}
	return conn, nil
}

func (g *Guest) dial(ctx context.Context, network, address string) (net.Conn, error) {
	args, err := relayArguments(network, address)
	if err != nil {
		return nil, err
	}
	ctx, cancel, err := g.bound(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	exec, err := g.execute(ctx, client.ExecCreateOptions{
		User: "root", AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Cmd: script(relayScript, append([]string{perlRelay, pythonRelay}, args...)...),
	})
	if err != nil {
		return nil, err
	}
	conn := &relayed{exec: exec, frames: frames{from: exec.Reader}, local: inside{network, ""}, remote: inside{network, address}}
	stop := context.AfterFunc(ctx, exec.Close)
	err = conn.greet()
	if !stop() {
		exec.Close()
		return nil, context.Cause(ctx)
	}
	if err != nil {
		exec.Close()
		return nil, err
	}
	return conn, nil
}

// relayArguments is an address in the relay's form.
func relayArguments(network, address string) ([]string, error) {
	switch network {
	case "unix":
		if address == "" {
			return nil, errors.New("empty path")
		}
		return []string{"unix", address}, nil
	case "tcp":
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, fmt.Errorf("port %q is not a number up to 65535", port)
		}
		if host == "" {
			host = "127.0.0.1"
		}
		return []string{"tcp", host, port}, nil
	}
	return nil, net.UnknownNetworkError(network)
}

// greet reads the relay's first line: "+", or "-ERRNO MESSAGE", or something that is no relay's.
func (c *relayed) greet() error {
	line, err := bufio.NewReaderSize(&byByte{&c.frames}, 16).ReadString('\n')
	text := strings.TrimSpace(line)
	switch {
	case text == "+":
		return nil
	case text == "!":
		return hint.New(errors.New("neither perl nor python3 in the guest to connect with"), "install perl or python3 in the guest's image")
	case strings.HasPrefix(text, "-"):
		number, message, _ := strings.Cut(text[1:], " ")
		return connectError(number, message)
	case text != "": // the engine's own words
		return fmt.Errorf("start the relay: %s", text)
	}
	if complaint := strings.TrimSpace(c.frames.complain.String()); complaint != "" {
		return fmt.Errorf("the relay ended: %s", complaint)
	}
	return fmt.Errorf("the relay ended: %w", err)
}

// connectError is the error of a connect in the guest. Errnos are Linux's whatever runs here.
func connectError(number, message string) error {
	known := map[string]syscall.Errno{
		"2": syscall.ENOENT, "13": syscall.EACCES, "101": syscall.ENETUNREACH, "104": syscall.ECONNRESET,
		"110": syscall.ETIMEDOUT, "111": syscall.ECONNREFUSED, "113": syscall.EHOSTUNREACH,
	}
	if errno, ok := known[number]; ok {
		return os.NewSyscallError("connect", errno)
	}
	return fmt.Errorf("connect: %s", message)
}

// inside is an address as seen from inside the guest.
type inside struct{ network, address string }

// Network implements net.Addr.
func (a inside) Network() string { return a.network }

// String implements net.Addr.
func (a inside) String() string { return a.address }
