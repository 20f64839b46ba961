package libvirt

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// colabo's storage pool, and where it is put if it has to be made.
const (
	poolName = "colabo"
	poolPath = "/var/lib/libvirt/images/colabo"
)

// provider implements providers.Provider.
type provider struct {
	library *binding.Library
	uri     string
	log     *slog.Logger
	accel   acceleration
	// place is the storage pool, poolName but in tests.
	place poolPlace

	// Machines of one project are made in parallel; what they share is made by one at a time.
	poolLock, boxLock, networkLock lock

	mu   sync.Mutex
	conn *binding.Connect
}

// poolPlace says which pool is ours, and where it is put if it has to be made.
type poolPlace struct{ name, path string }

// newProvider takes over conn.
func newProvider(library *binding.Library, uri string, conn *binding.Connect, log *slog.Logger) *provider {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &provider{
		library: library, uri: uri, conn: conn, log: log,
		accel:       observeHost().accelerate(),
		place:       poolPlace{name: poolName, path: poolPath},
		poolLock:    newLock(),
		boxLock:     newLock(),
		networkLock: newLock(),
	}
}

// Name returns "libvirt".
func (p *provider) Name() string { return name }

// Features: guests run cloud-init and are reached by ssh.
func (p *provider) Features() providers.Features { return providers.Features{CloudInit: true} }

// Acceleration says whether guests run under KVM here, and why.
func (p *provider) Acceleration() (native bool, reason string) { return p.accel.kvm, p.accel.reason }

// Check asks the daemon whether it can run guests.
func (p *provider) Check(ctx context.Context) (string, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return "", err
	}
	version, err := conn.GetLibVersion()
	if err != nil {
		return "", unavailable(fmt.Errorf("ask %s for its version: %w", p.uri, err), "")
	}
	hw, err := p.accel.hardware(&Options{})
	if err != nil {
		return "", unavailable(err, "")
	}
	if _, err := conn.GetDomainCapabilities("", "", hw.machine, hw.domainType, 0); err != nil {
		return "", unavailable(fmt.Errorf("ask %s for an emulator: %w", p.uri, err),
			"install QEMU: apt-get install qemu-system-x86 qemu-utils, dnf install qemu-kvm")
	}
	line := fmt.Sprintf("%s, libvirt %d.%d.%d, %s", p.uri,
		version/1_000_000, version/1_000%1_000, version%1_000, p.accel.reason)
	if p.accel.warning != "" {
		line += "; " + p.accel.warning
	}
	return line, nil
}

// Close frees the connection to the daemon.
func (p *provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		return nil
	}
	_, err := p.conn.Close()
	p.conn = nil
	if err != nil {
		return fmt.Errorf("close %s: %w", p.uri, err)
	}
	return nil
}

// connection returns the open connection; one that broke (a restarted daemon) is opened anew.
func (p *provider) connection(ctx context.Context) (*binding.Connect, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		if alive, err := p.conn.IsAlive(); err == nil && alive {
			return p.conn, nil
		}
		p.log.Debug("libvirt: connection lost", "uri", p.uri)
		// Goroutines may still use the broken connection, so it is not closed.
		p.conn = nil
	}
	_, conn, err := connect(p.library, p.uri)
	if err != nil {
		return nil, err
	}
	p.conn = conn
	return conn, nil
}

// lock is a mutex that can be waited for until a context ends.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

// acquire returns what releases the lock.
func (l lock) acquire(ctx context.Context) (release func(), err error) {
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// free gives an object of libvirt up. It can't fail in a way that anybody could do something about.
func free(object interface{ Free() error }) { _ = object.Free() }
