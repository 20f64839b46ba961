package dockerguest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
)

// receiver writes its input to a temporary file in the target's folder and renames it. The input comes in pieces, each
// after a line with its length, and ends with the length 0: so an input that was cut off is told from a whole one.
// $1 is the target, $2 its mode, $3 its owner or "".
const receiver = `set -e
folder=$(dirname "$1") whole=no
(umask 022; mkdir -p "$folder")
[ ! -d "$1" ] || { echo "$1 is a folder" >&2; exit 1; }
part="${folder%/}/.colabo-$$.part"
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM
umask 077
: >"$part"
while IFS= read -r length; do
  [ "$length" != 0 ] || { whole=yes; break; }
  head -c "$length" >>"$part"
done
[ "$whole" = yes ] || { echo "the content was cut off" >&2; exit 1; }
[ -z "$3" ] || chown "$3" "$part"
chmod "$2" "$part"
mv -f "$part" "$1"`

// pieceSize is how much of an upload is read ahead.
const pieceSize = 1 << 20

// Upload implements guest.Guest. In a guest without a shell the file goes through the engine's archive API instead: it then
// does not appear atomically, its owner must be numeric, and what is mounted in the container is out of reach.
func (g *Guest) Upload(ctx context.Context, content io.Reader, file guest.File) error {
	if !path.IsAbs(file.Path) || strings.HasSuffix(file.Path, "/") {
		return fmt.Errorf("upload %q: not the absolute path of a file", file.Path)
	}
	if file.Mode == 0 {
		file.Mode = 0o644
	}
	ctx, cancel, err := g.bound(ctx)
	if err != nil {
		return fmt.Errorf("upload %s: %w", file.Path, err)
	}
	defer cancel()
	err = errNoShell
	if !g.noShell.Load() {
		err = g.uploadByExec(ctx, content, file)
	}
	if errors.Is(err, errNoShell) {
		g.noShell.Store(true)
		err = g.uploadByArchive(ctx, content, file)
	}
	if err != nil {
		return fmt.Errorf("upload %s: %w", file.Path, err)
	}
	return nil
}

// uploadByExec returns errNoShell, having read nothing of content, when there is no shell in the guest.
func (g *Guest) uploadByExec(ctx context.Context, content io.Reader, file guest.File) error {
	var complaint strings.Builder
	err := g.runLaunched(ctx, guest.Command{
		Argv: script(receiver, file.Path, strconv.FormatUint(uint64(file.Mode.Perm()), 8), file.Owner),
		Dir:  "/", User: "root", Stdin: &pieces{content: content}, Stderr: &complaint,
	})
	return explain(err, complaint.String())
}

// explain puts a failed helper's own words in the place of its argv.
func explain(err error, words string) error {
	words = strings.TrimSpace(words)
	if exit, ok := errors.AsType[*guest.ExitError](err); ok && words != "" {
		return fmt.Errorf("%s (exit status %d)", words, exit.Code)
	}
	return err
}

// pieces is content in the form that receiver reads.
type pieces struct {
	content io.Reader
	piece   []byte
	ready   bytes.Buffer
	ended   bool
}

// Read implements io.Reader.
func (p *pieces) Read(to []byte) (int, error) {
	if p.ready.Len() > 0 {
		return p.ready.Read(to)
	}
	if p.ended {
		return 0, io.EOF
	}
	if p.piece == nil {
		p.piece = make([]byte, pieceSize)
	}
	n, err := io.ReadFull(p.content, p.piece)
	if n > 0 {
		fmt.Fprintf(&p.ready, "%d\n", n)
		p.ready.Write(p.piece[:n])
	}
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		p.ready.WriteString("0\n")
		p.ended = true
	default:
		return 0, err
	}
	return p.ready.Read(to)
}

// uploadByArchive hands a tar of the one file to the engine; the tar needs the length, so content is spooled.
func (g *Guest) uploadByArchive(ctx context.Context, content io.Reader, file guest.File) error {
	header, err := archiveHeader(file)
	if err != nil {
		return err
	}
	spool, err := os.CreateTemp("", "colabo-upload-")
	if err != nil {
		return fmt.Errorf("spool the content: %w", err)
	}
	defer func() { _ = spool.Close(); _ = os.Remove(spool.Name()) }()
	if header.Size, err = io.Copy(spool, content); err != nil {
		return fmt.Errorf("spool the content: %w", err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("spool the content: %w", err)
	}
	reader, writer := io.Pipe()
	defer func() { _ = reader.Close() }()
	go func() {
		archive := tar.NewWriter(writer)
		err := archive.WriteHeader(header)
		if err == nil {
			_, err = io.Copy(archive, spool)
		}
		writer.CloseWithError(errors.Join(err, archive.Close()))
	}()
	_, err = g.engine.CopyToContainer(ctx, g.container, client.CopyToContainerOptions{DestinationPath: "/", Content: reader})
	return err
}

// archiveHeader is the tar header of an upload, but for its size.
func archiveHeader(file guest.File) (*tar.Header, error) {
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: strings.TrimPrefix(path.Clean(file.Path), "/"), Mode: int64(file.Mode.Perm()),
		ModTime: time.Now(), Format: tar.FormatPAX,
	}
	if file.Owner == "" || file.Owner == "root" || file.Owner == "root:root" {
		return header, nil
	}
	user, group, both := strings.Cut(file.Owner, ":")
	uid, err := strconv.Atoi(user)
	gid := uid
	if err == nil && both {
		gid, err = strconv.Atoi(group)
	}
	if err != nil {
		return nil, fmt.Errorf("owner %q: without a shell in the guest it must be numeric", file.Owner)
	}
	header.Uid, header.Gid = uid, gid
	return header, nil
}
