package forward

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// listenControl opens the control socket of dir and points dir's link at it.
//
// A socket's path holds about 100 bytes, less than many a project's path has. So the socket lives in a folder of the
// user's own, in XDG_RUNTIME_DIR or the folder for temporary files.
func listenControl(dir string) (*net.UnixListener, error) {
	folder, err := socketFolder()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(dir))
	path := filepath.Join(folder, hex.EncodeToString(sum[:10])+".sock")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove stale socket: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(path, 0o600), relink(path, filepath.Join(dir, linkName))); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// socketFolder returns a folder that nobody but this user can enter, and makes it where it is missing.
func socketFolder() (string, error) {
	folder := filepath.Join(os.TempDir(), "colabo-"+strconv.Itoa(os.Getuid()))
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(runtime) && ownFolder(runtime) == nil {
		folder = filepath.Join(runtime, "colabo")
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return folder, ownFolder(folder)
}

// ownFolder is an error unless path is a folder, not a link, of this user, and closed to all others.
func ownFolder(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s: not a folder", path)
	case !ok || int(stat.Uid) != os.Getuid():
		return fmt.Errorf("%s: belongs to another user", path)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s: open to other users (mode %04o)", path, info.Mode().Perm())
	}
	return nil
}

// relink makes link point at target, in one step.
func relink(target, link string) error {
	temporary := link + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, link)
}

// errUnreachable: the process is there and its control socket is not.
var errUnreachable = errors.New("the background process can't be reached")

// dialControl connects to the process that serves dir; ErrNotRunning when there is none, errUnreachable when it is there and
// can't be connected to.
func dialControl(ctx context.Context, dir string) (*net.UnixConn, error) {
	if is, err := running(dir); err != nil {
		return nil, err
	} else if !is {
		return nil, ErrNotRunning
	}
	path, err := os.Readlink(filepath.Join(dir, linkName))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreachable, err)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreachable, err)
	}
	control, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("connect to control socket: got a %T", conn), conn.Close())
	}
	if err := checkPeer(control); err != nil {
		return nil, errors.Join(err, control.Close())
	}
	return control, nil
}
