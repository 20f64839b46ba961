package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// streamChunk is how much of a volume is sent at a time: what fits into one message of libvirt's protocol.
const streamChunk = 256 << 10

// spareSpace is the free space below which an error of the storage pool is taken for a full disk. libvirt reports
// what qemu-img printed, in words; how full the pool is is a fact.
const spareSpace = 1 << 20

// createVolume makes a volume and returns its path on the daemon's host. content, where it is not nil, is uploaded; a volume
// that could not be filled is removed.
func createVolume(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, what volumeXML, content io.Reader) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	path, err := fillVolume(ctx, conn, pool, what, content)
	if err != nil {
		return "", fmt.Errorf("make volume %s: %w", what.Name, spaceError(pool, err))
	}
	return path, nil
}

func fillVolume(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, what volumeXML, content io.Reader) (string, error) {
	document, err := encode(what)
	if err != nil {
		return "", err
	}
	created, err := pool.StorageVolCreateXML(document, 0)
	if err != nil {
		return "", err
	}
	v := volume{name: what.Name, StorageVol: created}
	defer free(v)
	if content != nil {
		if err := upload(ctx, conn, v, content); err != nil {
			return "", errors.Join(err, deleteVolume(v))
		}
	}
	path, err := v.GetPath()
	if err != nil {
		return "", errors.Join(err, deleteVolume(v))
	}
	return path, nil
}

// upload writes content to the beginning of the volume.
func upload(ctx context.Context, conn *binding.Connect, v volume, content io.Reader) error {
	stream, err := conn.NewStream(0)
	if err != nil {
		return err
	}
	defer free(stream)
	if err := v.Upload(stream, 0, 0, 0); err != nil {
		return err
	}
	if err := send(ctx, stream, content); err != nil {
		_ = stream.Abort() // says no more than err
		return err
	}
	return stream.Finish()
}

// send writes content to the stream until its end, or until ctx ends.
func send(ctx context.Context, stream *binding.Stream, content io.Reader) error {
	buffer := make([]byte, streamChunk)
	for {
		n, readErr := io.ReadFull(content, buffer)
		for part := buffer[:n]; len(part) > 0; {
			if err := ctx.Err(); err != nil {
				return err
			}
			sent, err := stream.Send(part)
			if err != nil {
				return err
			}
			part = part[sent:]
		}
		switch {
		case errors.Is(readErr, io.EOF), errors.Is(readErr, io.ErrUnexpectedEOF):
			return nil
		case readErr != nil:
			return readErr
		}
	}
}

// spaceError makes an error of the pool one that wraps providers.ErrNoSpace, if a full disk is its cause.
func spaceError(pool *binding.StoragePool, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	if !full {
		available, infoErr := availableSpace(pool)
		full = infoErr == nil && available < spareSpace
	}
	if !full {
		return err
	}
	return noSpace(pool, err)
}

// noSpace wraps providers.ErrNoSpace and says which folder is full.
func noSpace(pool *binding.StoragePool, err error) error {
	err = fmt.Errorf("%w: %w", providers.ErrNoSpace, err)
	var document poolXML
	text, xmlErr := pool.GetXMLDesc(0)
	if xmlErr != nil || decode(text, &document) != nil {
		return err
	}
	return hint.New(err, "free some space on the file system of "+document.Target.Path)
}

// availableSpace is how much room the pool has now, in bytes.
func availableSpace(pool *binding.StoragePool) (int64, error) {
	// A refresh is refused while a volume is being built; the figures are then older.
	_ = pool.Refresh(0)
	info, err := pool.GetInfo()
	if err != nil {
		return 0, fmt.Errorf("ask how full the storage pool is: %w", err)
	}
	return int64(info.Available), nil
}
