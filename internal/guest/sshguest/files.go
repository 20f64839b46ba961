package sshguest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"strconv"
	"strings"

	"github.com/colabo/colabo/internal/guest"
)

// uploadScript writes its input to a temporary file and puts that in place. The input comes in pieces, each after a line
// with its length, and ends with the length 0: a lost connection looks like an end of the input, but not like that one.
// Each process costs an emulated guest tens of milliseconds, so there are few.
const uploadScript = `set -eu
target=$1 folder=$2 temporary=$3 mode=$4 owner=$5
trap '' PIPE
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 143' HUP INT TERM
umask 022
[ -d "$folder" ] || mkdir -p -- "$folder"
if [ -d "$target" ] && [ ! -L "$target" ]; then echo "$target: is a folder" >&2; exit 1; fi
umask 077
set -C
exec 3>"$temporary"
while :; do
	read -r length || { echo "input cut off" >&2; exit 1; }
	[ "$length" -gt 0 ] || break
	head -c "$length" >&3
done
exec 3>&-
[ "$owner" = root:root ] || chown -- "$owner" "$temporary"
chmod -- "$mode" "$temporary"
mv -fT -- "$temporary" "$target"
trap - EXIT`

// pieceLimit is the size of an upload's pieces.
const pieceLimit = 4 << 20

// pieces is an input as uploadScript reads it.
type pieces struct {
	from   io.Reader
	buffer []byte
	ready  io.Reader // what is to be read before the next piece is made
	err    error     // what comes after it
}

func (p *pieces) Read(b []byte) (int, error) {
	for {
		if p.ready != nil {
			if n, err := p.ready.Read(b); err == nil {
				return n, nil
			}
		}
		if p.err != nil {
			return 0, p.err
		}
		p.next()
	}
}

// next makes the next piece.
func (p *pieces) next() {
	if p.buffer == nil {
		p.buffer = make([]byte, pieceLimit)
	}
	var n int
	var err error
	for n < len(p.buffer) && err == nil { // not io.ReadFull, whose io.ErrUnexpectedEOF might be an end or a content cut off
		var more int
		more, err = p.from.Read(p.buffer[n:])
		n += more
	}
	header, trailer := "", ""
	if n > 0 {
		header = strconv.Itoa(n) + "\n"
	}
	if errors.Is(err, io.EOF) {
		trailer, err = "0\n", io.EOF
	}
	p.ready, p.err = io.MultiReader(strings.NewReader(header), bytes.NewReader(p.buffer[:n]), strings.NewReader(trailer)), err
}

// Upload implements guest.Guest, in one session. The content is streamed.
func (g *Guest) Upload(ctx context.Context, content io.Reader, file guest.File) error {
	if !path.IsAbs(file.Path) || strings.HasSuffix(file.Path, "/") {
		return fmt.Errorf("upload %s: not the absolute path of a file", file.Path)
	}
	mode := file.Mode.Perm()
	if file.Mode == 0 {
		mode = 0o644
	}
	owner := file.Owner
	switch {
	case owner == "":
		owner = "root:root"
	case !strings.Contains(owner, ":"):
		owner += ":" // and the user's own group
	}
	folder := path.Dir(file.Path)
	temporary := path.Join(folder, ".colabo-upload."+rand.Text())
	var complaint bytes.Buffer
	err := g.Run(ctx, guest.Command{
		Argv:   []string{"sh", "-c", uploadScript, "upload", file.Path, folder, temporary, fmt.Sprintf("%04o", mode), owner},
		User:   "root",
		Stdin:  &pieces{from: content},
		Stderr: &complaint,
	})
	if err != nil {
		return fmt.Errorf("upload %s: %w", file.Path, withOutput(err, complaint.String()))
	}
	return nil
}

// notThere is the exit status by which a Download knows that there is no such file.
const notThere = 44

// downloadScript tells a file that is not there from every other failure.
const downloadScript = `[ -e "$1" ] || [ -L "$1" ] || exit 44; exec cat -- "$1"`

// Download implements guest.Guest. When it fails, part of the content may have been written to w.
func (g *Guest) Download(ctx context.Context, name string, w io.Writer) error {
	if !path.IsAbs(name) {
		return fmt.Errorf("download %s: not an absolute path", name)
	}
	var complaint bytes.Buffer
	cmd := guest.Command{
		Argv: []string{"sh", "-c", downloadScript, "download", name}, User: "root", Stdout: w, Stderr: &complaint,
	}
	err := g.run(ctx, cmd, g.sessions, 0)
	if exit, ran := errors.AsType[*guest.ExitError](err); ran && exit.Code == notThere {
		return &fs.PathError{Op: "download", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return fmt.Errorf("download %s: %w", name, withOutput(err, complaint.String()))
	}
	return nil
}

// withOutput is err, said in the command's own words where it has any.
func withOutput(err error, output string) error {
	output = strings.TrimSpace(output)
	exit, ran := errors.AsType[*guest.ExitError](err)
	if !ran || output == "" {
		return err
	}
	return &saidError{output: output, exit: exit}
}

// saidError is an ExitError of a command of ours, told in the words that it printed.
type saidError struct {
	output string
	exit   *guest.ExitError
}

func (e *saidError) Error() string { return e.output }
func (e *saidError) Unwrap() error { return e.exit }

// Dial implements guest.Guest. The connection can be closed for writing (CloseWrite); it has no deadlines.
func (g *Guest) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" && network != "unix" {
		return nil, fmt.Errorf("dial %s %s in the guest: no such network", network, address)
	}
	conn, err := g.client.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("dial %s in the guest: %w", address, g.dialError(err, ctx))
	}
	return conn, nil
}

// dialError tells the refusal of the guest from a connection that is gone.
func (g *Guest) dialError(err error, ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return g.orLost(err)
}
