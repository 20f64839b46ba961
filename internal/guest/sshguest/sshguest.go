// Package sshguest is the way into a machine over ssh: one connection, and on it as many commands, file transfers and
// dialled sockets as are wanted. A login costs a second in an emulated guest, a command on an open connection little.
//
// The guest's host key is known before the first connection, so there is no moment in which another host could
// take its place. Only ed25519 host keys are accepted, and only the one that the Config names.
package sshguest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/sshkey"
)

const (
	// handshakeLimit bounds the ssh handshake, login included. An emulated guest needs 1.1 s, a busy one several.
	handshakeLimit = 30 * time.Second
	// A connection that leaves keepalives unanswered for silenceLimit is dead. A guest that reboots is mostly noticed
	// sooner: it closes the connection, or resets it when the first keepalive reaches its new kernel.
	keepaliveInterval = 3 * time.Second
	silenceLimit      = 15 * time.Second
	// OpenSSH allows 10 sessions a connection (MaxSessions). One is kept free to end a command with.
	maxSessions = 9
)

// Config says where the guest is, who we are there, and who it has to be.
type Config struct {
	Address    string // "ip:port"
	User       string // the login user; sudo without a password, and a POSIX shell
	PrivateKey []byte // PEM
	HostKey    string // the only host key accepted: an ed25519 line of authorized_keys(5)
	Emulated   bool   // the guest's processor is emulated: prefer what costs it little
	// Dialer, when not nil, makes the connection below ssh.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)
	Log    *slog.Logger // nil discards
}

// Guest is a machine reached over one ssh connection. It does not reconnect: once Done is closed, every method fails.
type Guest struct {
	client   *ssh.Client
	address  string
	user     string
	log      *slog.Logger
	sessions chan struct{} // a token for each session that is open
	spare    chan struct{} // the token of the session kept free
	done     chan struct{}
	tasks    sync.WaitGroup
}

var _ guest.Guest = (*Guest)(nil)

// HostKeyError is an answer from a host that does not hold the expected key: someone else answers at this address.
type HostKeyError struct {
	Address   string
	Got, Want string // SHA256 fingerprints
}

// Error says who was expected and who answered.
func (e *HostKeyError) Error() string {
	return fmt.Sprintf("another host answers at %s: its key is %s, the machine's is %s", e.Address, e.Got, e.Want)
}

// Connect logs in, once: an error is final. A host with another key is a *HostKeyError. ctx bounds the login only.
func Connect(ctx context.Context, config Config) (*Guest, error) {
	clientConfig, err := config.clientConfig()
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Address, err)
	}
	conn, err := config.dial(ctx)
	if err != nil {
		return nil, err
	}
	return login(ctx, conn, config, clientConfig)
}

func (c Config) dial(ctx context.Context) (net.Conn, error) {
	dial := c.Dialer
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return dial(ctx, "tcp", c.Address) // a net.OpError names the address
}

// login makes the handshake on conn, which it closes when that fails.
func login(ctx context.Context, conn net.Conn, config Config, clientConfig *ssh.ClientConfig) (*Guest, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	sshConn, channels, requests, err := ssh.NewClientConn(conn, config.Address, clientConfig)
	if !stop() && err == nil {
		_ = sshConn.Close()
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", ctx.Err(), err)
		}
		return nil, fmt.Errorf("log in to %s: %w", config.Address, err)
	}
	g := &Guest{
		client: ssh.NewClient(sshConn, channels, requests), address: config.Address, user: config.User, log: config.log(),
		sessions: make(chan struct{}, maxSessions), spare: make(chan struct{}, 1), done: make(chan struct{}),
	}
	g.tasks.Go(func() {
		err := g.client.Wait()
		g.log.Debug("ssh connection ended", "address", g.address, "error", err)
		close(g.done)
	})
	g.tasks.Go(g.keepAlive)
	return g, nil
}

// Done is closed when the connection has ended, for whatever reason.
func (g *Guest) Done() <-chan struct{} { return g.done }

// Close ends the connection; commands that still run are cut off. It may be called more than once.
func (g *Guest) Close() error {
	_ = g.client.Close() // fails only when the connection ended already
	g.tasks.Wait()
	return nil
}

// keepAlive closes the connection when the guest has not answered for too long.
func (g *Guest) keepAlive() {
	ticker := time.NewTicker(keepaliveInterval)
	defer ticker.Stop()
	for {
		select {
		case <-g.done:
			return
		case <-ticker.C:
		}
		answered := time.AfterFunc(silenceLimit, func() {
			g.log.Debug("guest is silent", "address", g.address)
			_ = g.client.Close()
		})
		_, _, err := g.client.SendRequest("keepalive@openssh.com", true, nil)
		answered.Stop()
		if err != nil {
			_ = g.client.Close()
			return
		}
	}
}

func (c Config) clientConfig() (*ssh.ClientConfig, error) {
	signer, err := ssh.ParsePrivateKey(c.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	want, err := sshkey.Parse(c.HostKey)
	if err != nil {
		return nil, fmt.Errorf("host key: %w", err)
	}
	return &ssh.ClientConfig{
		Config: ssh.Config{KeyExchanges: keyExchanges(), Ciphers: c.ciphers()},
		User:   c.User,
		Auth:   []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: func(_ string, _ net.Addr, got ssh.PublicKey) error {
			if bytes.Equal(got.Marshal(), want.Marshal()) {
				return nil
			}
			return &HostKeyError{Address: c.Address, Got: ssh.FingerprintSHA256(got), Want: ssh.FingerprintSHA256(want)}
		},
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}, nil
}

func (c Config) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// keyExchanges puts the cheapest first.
func keyExchanges() []string {
	return []string{ssh.KeyExchangeCurve25519, ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeECDHP256}
}

// ciphers puts first what costs the guest's processor least. An emulated one moves 4 to 5 MB/s with ChaCha20 and 3 with
// AES-GCM, for which others have instructions: those move twice as much with it as with ChaCha20.
func (c Config) ciphers() []string {
	ciphers := []string{
		ssh.CipherAES128GCM, ssh.CipherChaCha20Poly1305, ssh.CipherAES256GCM, ssh.CipherAES128CTR, ssh.CipherAES256CTR,
	}
	if c.Emulated {
		ciphers[0], ciphers[1] = ciphers[1], ciphers[0]
	}
	return ciphers
}
