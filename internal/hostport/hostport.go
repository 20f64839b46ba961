// Package hostport says whether a port of this host is free and, where /proc tells, who has it.
package hostport

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// BusyError is a port that somebody listens on.
type BusyError struct {
	Address string // "127.0.0.1:8080"
	Owner   string // "nginx (pid 12)"; "" when it can't be seen
}

// Error names the port and its owner.
func (e *BusyError) Error() string {
	if e.Owner == "" {
		return fmt.Sprintf("port %s is in use", e.Address)
	}
	return fmt.Sprintf("port %s is in use by %s", e.Address, e.Owner)
}

// Free returns nil when the address can be listened on now, a *BusyError when somebody else does, or the system's
// reason why not. network is "tcp" or "udp". The port is free again when Free returns.
func Free(network, address string) error {
	err := listenOnce(network, address)
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return &BusyError{Address: address, Owner: owner(network, address)}
	}
	return fmt.Errorf("listen: %w", err)
}

func listenOnce(network, address string) error {
	if network == "udp" {
		conn, err := net.ListenPacket(network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return listener.Close()
}

// owner finds the process whose socket has the port; "" where the system does not show it to us.
func owner(network, address string) string {
	_, portText, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return ""
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/" + network, "/proc/net/" + network + "6"} {
		addInodes(sockets, table, port)
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // its only error is a bad pattern
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !sockets[target] {
			continue
		}
		pid := strings.Split(link, "/")[2]
		name, err := os.ReadFile("/proc/" + pid + "/comm")
		if err == nil {
			return fmt.Sprintf("%s (pid %s)", strings.TrimSpace(string(name)), pid)
		}
	}
	return ""
}

// tcpListen is the state LISTEN in /proc/net/tcp, see proc_pid_net(5); UDP sockets that are bound have 07.
const (
	tcpListen = "0A"
	udpBound  = "07"
)

// addInodes adds "socket:[INODE]" of every socket in the table that waits at the port.
func addInodes(sockets map[string]bool, table string, port uint64) {
	file, err := os.Open(table)
	if err != nil {
		return
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 10 || fields[3] != tcpListen && fields[3] != udpBound {
			continue
		}
		_, local, _ := strings.Cut(fields[1], ":")
		if number, err := strconv.ParseUint(local, 16, 16); err == nil && number == port {
			sockets["socket:["+fields[9]+"]"] = true
		}
	}
}
