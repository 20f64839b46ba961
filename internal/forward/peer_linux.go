package forward

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// checkPeer is an error unless the process at the other end is this user's, or root's.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var peerErr error
	err = raw.Control(func(fd uintptr) {
		peer, peerErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil || peerErr != nil {
		return fmt.Errorf("ask who is at the control socket: %w", errors.Join(err, peerErr))
	}
	if int(peer.Uid) != os.Getuid() && peer.Uid != 0 {
		return fmt.Errorf("user %d is at the control socket", peer.Uid)
	}
	return nil
}
