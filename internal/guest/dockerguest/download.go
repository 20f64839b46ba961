package dockerguest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
)

// sender writes the file $1 to its output; statusMissing says that there is none.
const sender = `[ -e "$1" ] || exit 44
[ -f "$1" ] || { echo "$1 is not a file" >&2; exit 1; }
exec cat "$1"`

const statusMissing = 44

// Download implements guest.Guest. Symbolic links are followed. In a guest without a shell what is mounted in the
// container is out of reach, as in Upload.
func (g *Guest) Download(ctx context.Context, file string, w io.Writer) error {
	if !path.IsAbs(file) {
		return fmt.Errorf("download %q: not an absolute path", file)
	}
	ctx, cancel, err := g.bound(ctx)
	if err != nil {
		return fmt.Errorf("download %s: %w", file, err)
	}
	defer cancel()
	err = errNoShell
	if !g.noShell.Load() {
		err = g.downloadByExec(ctx, file, w)
	}
	if errors.Is(err, errNoShell) {
		g.noShell.Store(true)
		err = g.downloadByArchive(ctx, file, w)
	}
	if err != nil {
		return fmt.Errorf("download %s: %w", file, err)
	}
	return nil
}

func (g *Guest) downloadByExec(ctx context.Context, file string, w io.Writer) error {
	var complaint strings.Builder
	err := g.runLaunched(ctx, guest.Command{
		Argv: script(sender, file), Dir: "/", User: "root", Stdout: w, Stderr: &complaint,
	})
	if exit, ok := errors.AsType[*guest.ExitError](err); ok && exit.Code == statusMissing {
		return fs.ErrNotExist
	}
	return explain(err, complaint.String())
}

// maxLinks is how many symbolic links in a row are followed, as the kernel does.
const maxLinks = 40

func (g *Guest) downloadByArchive(ctx context.Context, file string, w io.Writer) error {
	for range maxLinks {
		copied, err := g.engine.CopyFromContainer(ctx, g.container, client.CopyFromContainerOptions{SourcePath: file})
		if errdefs.IsNotFound(err) {
			return fs.ErrNotExist
		}
		if err != nil {
			return err
		}
		if copied.Stat.Mode&fs.ModeSymlink != 0 && copied.Stat.LinkTarget != "" {
			_ = copied.Content.Close()
			file = copied.Stat.LinkTarget
			continue
		}
		defer copied.Content.Close()
		if !copied.Stat.Mode.IsRegular() {
			return errors.New("not a file")
		}
		archive := tar.NewReader(copied.Content)
		if _, err := archive.Next(); err != nil {
			return fmt.Errorf("read the engine's archive: %w", err)
		}
		_, err = io.Copy(w, archive)
		return err
	}
	return errors.New("too many symbolic links")
}
