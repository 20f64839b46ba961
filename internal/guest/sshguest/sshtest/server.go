// Package sshtest is an ssh server for tests: it listens on a loopback address and runs commands on this
// machine as the current user. It stands in for a guest's sshd, restarts and faults included.
package sshtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/colabo/colabo/internal/sshkey"
)

// User is the only user who may log in.
const User = "tester"

// Server is an ssh server on loopback. Its fields are read only.
type Server struct {
	Address   string      // "127.0.0.1:port", the same after a Restart
	HostKey   sshkey.Pair // the server's
	ClientKey sshkey.Pair // the one that may log in
	KeyFile   string      // a file with ClientKey.Private

	config    *ssh.ServerConfig
	bin       string       // folder with a stand-in for sudo
	logins    atomic.Int32 // handshakes that succeeded
	mu        sync.Mutex   // over what follows
	listen    net.Listener
	conns     map[net.Conn]bool
	processes map[*process]bool // those that run
	serving   sync.WaitGroup
}

// sudo stands in for the real one, which tests can't rely on: it warns as sudo does, refuses unknown users, and runs the command as ourselves.
const sudo = `#!/bin/sh
echo "sudo: unable to resolve host sshtest: Name or service not known" >&2
while [ $# -gt 0 ]; do
	case $1 in
	-n|-H) shift;;
	-u) user=$2; shift 2;;
	--) shift; break;;
	*) echo "sudo: $1 not understood" >&2; exit 1;;
	esac
done
case $user in root|tester2) ;; *) echo "sudo: unknown user $user" >&2; exit 1;; esac
SUDO_AS=$user; export SUDO_AS
exec "$@"
`

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{bin: t.TempDir()}
	var err error
	if s.HostKey, err = sshkey.New("host"); err != nil {
		t.Fatal(err)
	}
	if s.ClientKey, err = sshkey.New("client"); err != nil {
		t.Fatal(err)
	}
	s.KeyFile = filepath.Join(t.TempDir(), "id_ed25519")
	if err := os.WriteFile(s.KeyFile, []byte(s.ClientKey.Private), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.bin, "sudo"), []byte(sudo), 0o755); err != nil {
		t.Fatal(err)
	}
	if s.config, err = s.serverConfig(s.HostKey); err != nil {
		t.Fatal(err)
	}
	if err := s.begin("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.Address = s.listen.Addr().String()
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) serverConfig(host sshkey.Pair) (*ssh.ServerConfig, error) {
	signer, err := ssh.ParsePrivateKey([]byte(host.Private))
	if err != nil {
		return nil, err
	}
	client, err := sshkey.Parse(s.ClientKey.Public)
	if err != nil {
		return nil, err
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != User || string(key.Marshal()) != string(client.Marshal()) {
			return nil, fmt.Errorf("%s may not log in with this key", c.User())
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	return config, nil
}

// Logins is how many connections have logged in so far.
func (s *Server) Logins() int { return int(s.logins.Load()) }

// SetHostKey changes the key that the server shows from the next connection on.
func (s *Server) SetHostKey(t testing.TB, host sshkey.Pair) {
	t.Helper()
	config, err := s.serverConfig(host)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = config
}

// Stop ends the server and every connection, as a guest that goes down.
func (s *Server) Stop() {
	s.mu.Lock()
	if s.listen != nil {
		_ = s.listen.Close()
		s.listen = nil
	}
	for conn := range s.conns {
		_ = conn.Close()
	}
	for p := range s.processes {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// Disconnect cuts every connection; the server and the processes go on.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
}

// Restart starts a stopped server at the same address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.begin(s.Address); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) begin(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.listen, s.conns, s.processes = listener, map[net.Conn]bool{}, map[*process]bool{}
	s.mu.Unlock()
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				s.serving.Go(func() { s.serve(listener, conn) })
			}
		}
	})
	return nil
}

// serve serves one connection until it ends.
func (s *Server) serve(listener net.Listener, conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	config := s.config
	if s.listen != listener {
		s.mu.Unlock()
		return
	}
	s.conns[conn] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	s.logins.Add(1)
	var serving sync.WaitGroup
	defer serving.Wait()
	serving.Go(func() {
		for request := range requests {
			if request.WantReply {
				_ = request.Reply(request.Type == "keepalive@openssh.com", nil)
			}
		}
	})
	for channel := range channels {
		serving.Go(func() { s.channel(channel) })
	}
	_ = server.Wait()
}

func (s *Server) channel(request ssh.NewChannel) {
	switch request.ChannelType() {
	case "session":
		s.session(request)
	case "direct-tcpip":
		var to struct {
			Host     string
			Port     uint32
			FromHost string
			FromPort uint32
		}
		if ssh.Unmarshal(request.ExtraData(), &to) == nil {
			relay(request, "tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port)))
		}
	case "direct-streamlocal@openssh.com":
		var to struct {
			Path     string
			Reserved string
			Number   uint32
		}
		if ssh.Unmarshal(request.ExtraData(), &to) == nil {
			relay(request, "unix", to.Path)
		}
	default:
		_ = request.Reject(ssh.UnknownChannelType, "unknown")
	}
}

// relay connects a channel with a socket, each direction ending by itself.
func relay(request ssh.NewChannel, network, address string) {
	conn, err := net.Dial(network, address)
	if err != nil {
		_ = request.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer conn.Close()
	channel, requests, err := request.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	go ssh.DiscardRequests(requests)
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(conn, channel)
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	})
	both.Go(func() {
		_, _ = io.Copy(channel, conn)
		_ = channel.CloseWrite()
	})
	both.Wait()
}
