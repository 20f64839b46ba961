package forward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

// listener is one open port of the host.
type listener struct {
	forward atomic.Pointer[Forward]
	socket  net.Listener
	cancel  context.CancelFunc // ends its connections
}

// reconcile makes the process serve what config says. What stays the same is not touched, nor are its connections.
func (s *server) reconcile(config Config) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		config = Config{} // the process is ending
	}
	wanted := map[string]Forward{}
	for _, f := range config.Forwards {
		if _, twice := wanted[f.Listen]; !twice {
			wanted[f.Listen] = f
		}
	}
	for address, l := range s.opened {
		if f, keep := wanted[address]; keep && f.check(config.Targets) == nil {
			l.forward.Store(&f)
			continue
		}
		l.cancel()
		_ = l.socket.Close()
		delete(s.opened, address)
	}
	for name, m := range s.machines {
		if target, keep := config.Targets[name]; !keep || target != m.target {
			m.close()
			delete(s.machines, name)
		}
	}
	for name, target := range config.Targets {
		if s.machines[name] == nil {
			s.machines[name] = newMachine(s.ctx, name, target, s.log)
		}
		m := s.machines[name]
		s.tasks.Go(func() { _, _ = m.open(s.ctx) }) // so that the first who needs it need not wait; m keeps the error
	}
	var result Result
	for _, f := range config.Forwards {
		if err := s.open(f, wanted[f.Listen], config.Targets); err != nil {
			failure := Failure{Forward: f, Message: err.Error(), Busy: errors.Is(err, syscall.EADDRINUSE)}
			result.Failed = append(result.Failed, failure)
		}
	}
	return result
}

// check is an error when f can't be served, whatever the host's ports are like.
func (f Forward) check(targets map[string]Target) error {
	if f.Protocol != "" && f.Protocol != "tcp" {
		return fmt.Errorf("protocol %s can't be forwarded", f.Protocol)
	}
	if _, known := targets[f.Machine]; !known {
		return fmt.Errorf("no machine %s", f.Machine)
	}
	for _, address := range []string{f.Listen, f.Target} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return err
		}
	}
	return nil
}

// open opens f unless it is open already. first is the forward that has f's port.
func (s *server) open(f, first Forward, targets map[string]Target) error {
	if err := f.check(targets); err != nil {
		return err
	}
	if f != first {
		return fmt.Errorf("the port is used twice, also for %s of %s", first.Target, first.Machine)
	}
	if s.opened[f.Listen] != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(s.ctx)
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", f.Listen)
	if err != nil {
		cancel()
		if sys := syscall.Errno(0); errors.As(err, &sys) {
			return sys // the rest of the message is in the Failure already
		}
		return err
	}
	l := &listener{socket: socket, cancel: cancel}
	l.forward.Store(&f)
	s.opened[f.Listen] = l
	s.tasks.Go(func() { s.serve(ctx, l) })
	return nil
}

// serve accepts connections until the listener is closed.
func (s *server) serve(ctx context.Context, l *listener) {
	for {
		conn, err := l.socket.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Too many open files, or a client that left: the next one may do better.
			s.log.Warn("accept", "listen", l.forward.Load().Listen, "error", err)
			if !pause(ctx) {
				return
			}
			continue
		}
		s.tasks.Go(func() { s.carry(ctx, conn, *l.forward.Load()) })
	}
}

// carry serves one connection to a forwarded port.
func (s *server) carry(ctx context.Context, conn net.Conn, f Forward) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	m, err := s.machine(f.Machine)
	if err != nil {
		return
	}
	dialCtx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	remote, g, err := m.dial(dialCtx, "tcp", f.Target)
	if err != nil {
		s.log.Info("forward", "listen", f.Listen, "machine", f.Machine, "target", f.Target, "error", err)
		return
	}
	splice(conn, remote, g.Done())
}

// splice connects two connections until both directions have ended, or lost says that remote's carrier is gone. The end of one
// direction is passed on and leaves the other open. Both are closed at the end.
func splice(local, remote net.Conn, lost <-chan struct{}) {
	ended := make(chan struct{})
	closeBoth := sync.OnceFunc(func() {
		_ = local.Close()
		_ = remote.Close()
	})
	defer closeBoth()
	var both sync.WaitGroup
	both.Go(func() { transfer(remote, local, closeBoth) })
	both.Go(func() { transfer(local, remote, closeBoth) })
	go func() {
		both.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-lost:
		closeBoth()
		<-ended
	}
}

// transfer copies one direction and passes its end on; a broken one breaks both.
func transfer(to, from net.Conn, abandon func()) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil {
		abandon()
	}
}

// readerConn is a connection of which a reader holds the next bytes.
type readerConn struct {
	halfConn
	r io.Reader
}

type halfConn interface {
	net.Conn
	CloseWrite() error
}

func (c readerConn) Read(p []byte) (int, error) { return c.r.Read(p) }

func sortForwards(forwards []Forward) {
	slices.SortFunc(forwards, func(a, b Forward) int { return cmp.Compare(a.Listen, b.Listen) })
}
