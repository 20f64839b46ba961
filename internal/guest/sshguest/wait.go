package sshguest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	pollInterval = 100 * time.Millisecond
	// dialLimit is short so that a packet lost while the guest's network came up is sent again soon.
	dialLimit = time.Second
	// bannerLimit bounds the wait for the server's first line: a forwarded port may accept for a guest that is not up.
	bannerLimit = 5 * time.Second
	// refusedInterval is the pause after a handshake that the guest refused. Handshakes cost it much, and a
	// server may lock out clients that fail often.
	refusedInterval = 500 * time.Millisecond
	// strangerLimit is how long another host key is tolerated: an image's server may run for a moment
	// with keys of its own before cloud-init puts ours in place. Nothing is sent to such a host.
	strangerLimit = 20 * time.Second
)

// WaitConnect logs in to a guest that is booting: it tries until it is in, and looks at the port every 100 ms.
//
// No route, a closed port, a silent or dropped connection and a refused login (cloud-init has not written our key yet)
// are all tried again until ctx ends; the error then wraps ctx's and the last attempt's. A host that
// answers with another key for 20 s without a break is final: a *HostKeyError.
// probe, when not nil, is called after each attempt that failed, with its error.
func WaitConnect(ctx context.Context, config Config, probe func(error)) (*Guest, error) {
	clientConfig, err := config.clientConfig()
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Address, err)
	}
	var strangerSince time.Time
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		g, pause, err := attempt(ctx, config, clientConfig)
		if err == nil {
			return g, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("wait for ssh at %s: %w (%w)", config.Address, ctx.Err(), err)
		}
		if probe != nil {
			probe(err)
		}
		if _, stranger := errors.AsType[*HostKeyError](err); !stranger {
			strangerSince = time.Time{}
		} else if strangerSince.IsZero() {
			strangerSince = time.Now()
		} else if time.Since(strangerSince) > strangerLimit {
			return nil, err
		}
		if pause > pollInterval {
			ticker.Reset(pause)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for ssh at %s: %w (%w)", config.Address, ctx.Err(), err)
		case <-ticker.C:
			ticker.Reset(pollInterval)
		}
	}
}

// attempt tries once and says how long to pause before the next try.
func attempt(ctx context.Context, config Config, clientConfig *ssh.ClientConfig) (*Guest, time.Duration, error) {
	dialCtx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := config.dial(dialCtx)
	if err != nil {
		return nil, pollInterval, err
	}
	// The server's first line is cheap, the handshake is not: the handshake begins when there is someone to make it
	// with, on the same connection.
	greeted, err := awaitBanner(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, pollInterval, fmt.Errorf("wait for the ssh server at %s: %w", config.Address, err)
	}
	g, err := login(ctx, greeted, config, clientConfig)
	return g, refusedInterval, err
}

// bannerConn is a connection whose first bytes have been looked at.
type bannerConn struct {
	net.Conn
	r *bufio.Reader
}

func (c bannerConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// awaitBanner waits until the server has sent the beginning of its first line, and returns a connection that still has it.
func awaitBanner(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if err := conn.SetReadDeadline(time.Now().Add(bannerLimit)); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	r := bufio.NewReader(conn)
	start, err := r.Peek(4)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if string(start) != "SSH-" {
		return nil, fmt.Errorf("no ssh server: it says %q", start)
	}
	return bannerConn{conn, r}, conn.SetReadDeadline(time.Time{})
}
