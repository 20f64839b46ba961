package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/colabo/colabo/internal/guest/sshguest"
)

// connectLimit is how long a connection waits for a machine that is down, to restart it may be.
const connectLimit = 10 * time.Second

// machine keeps one ssh connection to a machine, made when it is first needed and again when it was lost.
type machine struct {
	name   string
	target Target
	log    *slog.Logger
	ctx    context.Context // ends with close
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu      sync.Mutex // over what follows
	guest   *sshguest.Guest
	attempt *attempt // the one under way, or nil
	err     error    // of the last attempt
}

// attempt is one try to connect, awaited by all who need the machine meanwhile.
type attempt struct {
	done  chan struct{} // closed when the rest is set
	guest *sshguest.Guest
	err   error
}

func newMachine(ctx context.Context, name string, target Target, log *slog.Logger) *machine {
	m := &machine{name: name, target: target, log: log.With("machine", name)}
	m.ctx, m.cancel = context.WithCancel(ctx)
	return m
}

// open returns a live connection. It waits for a machine that is down, but not long.
func (m *machine) open(ctx context.Context) (*sshguest.Guest, error) {
	m.mu.Lock()
	if g := m.live(); g != nil {
		m.mu.Unlock()
		return g, nil
	}
	a := m.attempt
	if a == nil {
		if m.ctx.Err() != nil {
			m.mu.Unlock()
			return nil, fmt.Errorf("machine %s: %w", m.name, ErrNotRunning)
		}
		a = &attempt{done: make(chan struct{})}
		m.attempt = a
		m.tasks.Go(func() { m.connect(a) })
	}
	m.mu.Unlock()
	select {
	case <-a.done:
		return a.guest, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// live is the connection, if there is one and it has not ended. It is called with mu held.
func (m *machine) live() *sshguest.Guest {
	if m.guest == nil {
		return nil
	}
	select {
	case <-m.guest.Done():
		m.guest = nil
	default:
	}
	return m.guest
}

func (m *machine) connect(a *attempt) {
	ctx, cancel := context.WithTimeout(m.ctx, connectLimit)
	defer cancel()
	start := time.Now()
	a.guest, a.err = m.target.connect(ctx, m.log)
	m.log.Info("connect", "address", m.target.Address, "took", time.Since(start), "error", a.err)
	m.mu.Lock()
	m.attempt, m.guest, m.err = nil, a.guest, a.err
	m.mu.Unlock()
	close(a.done)
}

func (t Target) connect(ctx context.Context, log *slog.Logger) (*sshguest.Guest, error) {
	key, err := os.ReadFile(t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read login key: %w", err)
	}
	return sshguest.WaitConnect(ctx, sshguest.Config{
		Address: t.Address, User: t.User, PrivateKey: key, HostKey: t.HostKey, Emulated: t.Emulated, Log: log,
	}, nil)
}

// dial connects to a socket in the machine, over a new ssh connection when the old one turns out to be dead.
func (m *machine) dial(ctx context.Context, network, address string) (net.Conn, *sshguest.Guest, error) {
	for again := true; ; again = false {
		g, err := m.open(ctx)
		if err != nil {
			return nil, nil, err
		}
		conn, err := g.Dial(ctx, network, address)
		if !again || !errors.Is(err, sshguest.ErrConnectionLost) {
			return conn, g, err
		}
		m.drop(g)
	}
}

// drop gives up a connection that failed, which may be known before its end is.
func (m *machine) drop(g *sshguest.Guest) {
	m.mu.Lock()
	if m.guest == g {
		m.guest = nil
	}
	m.mu.Unlock()
	_ = g.Close()
}

func (m *machine) state() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := State{Connected: m.live() != nil}
	if m.err != nil {
		state.Error = m.err.Error()
	}
	return state
}

// close ends the connection and everything on it.
func (m *machine) close() {
	m.cancel()
	m.tasks.Wait()
	m.mu.Lock()
	g := m.guest
	m.guest = nil
	m.mu.Unlock()
	if g != nil {
		_ = g.Close()
	}
}
