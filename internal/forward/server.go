package forward

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

const (
	// requestLimit is how long a client may take to say what it wants.
	requestLimit = 10 * time.Second
	// folderInterval is how often the process looks whether its project is still there.
	folderInterval = 2 * time.Second
)

// server is the background process of one project.
type server struct {
	log   *slog.Logger
	ctx   context.Context // ends with the process
	end   context.CancelFunc
	tasks sync.WaitGroup
	// sessions are the commands and transfers under way, which end before the connections that carry them.
	sessions sync.WaitGroup

	mu       sync.Mutex // over what follows
	machines map[string]*machine
	opened   map[string]*listener // by Forward.Listen
}

// Serve is the background process: it serves the project whose folder for state is dir, an absolute path, until it is told to stop, ctx
// ends, SIGTERM comes or dir is deleted. When another process serves dir already, it returns an error at once.
// All that it opened is closed when it returns.
func Serve(ctx context.Context, dir string, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, end := context.WithCancel(ctx)
	defer end()
	lock, err := lockProject(ctx, dir)
	if err != nil {
		return err
	}
	control, err := listenControl(dir)
	if err != nil {
		return errors.Join(fmt.Errorf("open control socket: %w", err), lock.Close())
	}
	s := &server{log: log, ctx: ctx, end: end, machines: map[string]*machine{}, opened: map[string]*listener{}}
	log.Info("serving", "dir", dir, "pid", os.Getpid())
	s.tasks.Go(func() { s.watchFolder(lock) })
	s.tasks.Go(func() { s.accept(control) })
	<-ctx.Done()
	err = control.Close() // removes the socket too
	s.sessions.Wait()
	s.reconcile(Config{})
	s.tasks.Wait()
	if removeErr := os.Remove(filepath.Join(dir, linkName)); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	log.Info("ended")
	return errors.Join(err, lock.Close())
}

// watchFolder ends the process when the project was deleted: when the file that it holds locked is no longer in its folder.
func (s *server) watchFolder(lock *flock.Flock) {
	held, err := lock.Stat()
	if err != nil {
		s.log.Error("look at own lock", "error", err)
		return
	}
	ticker := time.NewTicker(folderInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-ticker.C:
		}
		if now, err := os.Lstat(lock.Path()); errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(held, now) {
			s.log.Info("the project's folder is gone")
			s.end()
			return
		}
	}
}

func (s *server) accept(control *net.UnixListener) {
	for {
		conn, err := control.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Warn("control connection", "error", err)
			if !pause(s.ctx) {
				return
			}
			continue
		}
		s.tasks.Go(func() { s.handle(conn) })
	}
}

// handle serves one control connection.
func (s *server) handle(conn *net.UnixConn) {
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(s.ctx, func() { _ = conn.Close() })()
	if err := checkPeer(conn); err != nil {
		s.log.Warn("control connection refused", "error", err)
		return
	}
	r := bufio.NewReader(conn)
	var q request
	if err := errors.Join(conn.SetReadDeadline(time.Now().Add(requestLimit)), readLine(r, &q)); err != nil {
		s.log.Debug("control connection without a request", "error", err)
		return
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return
	}
	s.log.Debug("request", "op", q.Op, "machine", q.Machine)
	answer := func(a response, err error) {
		a.Version, a.Error = protocolVersion, toWire(err)
		_ = writeLine(conn, a) // a client that left needs no answer
	}
	switch {
	case q.Op == "stop":
		answer(response{}, nil)
		s.end()
	case q.Version != protocolVersion:
		answer(response{}, errVersion)
	case q.Op == "apply" && q.Config != nil:
		result := s.reconcile(*q.Config)
		answer(response{Result: &result}, nil)
	case q.Op == "status":
		status := s.status()
		answer(response{Status: &status}, nil)
	case q.Op == "dial":
		s.dial(conn, r, q, answer)
	case q.Op == "run" && q.Command != nil, q.Op == "upload" && q.File != nil, q.Op == "download":
		s.session(conn, r, q, answer)
	default:
		answer(response{}, fmt.Errorf("request %q not understood", q.Op))
	}
}

// dial connects the control connection with a socket in a machine.
func (s *server) dial(conn *net.UnixConn, r *bufio.Reader, q request, answer func(response, error)) {
	m, err := s.machine(q.Machine)
	if err != nil {
		answer(response{}, err)
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, connectLimit)
	defer cancel()
	remote, g, err := m.dial(ctx, q.Network, q.Address)
	answer(response{}, err)
	if err == nil {
		splice(readerConn{conn, r}, remote, g.Done())
	}
}

func (s *server) machine(name string) (*machine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.machines[name]
	if !ok {
		return nil, fmt.Errorf("machine %s: %w", name, ErrNotRunning)
	}
	return m, nil
}

func (s *server) status() Status {
	s.mu.Lock()
	opened, machines := maps.Clone(s.opened), maps.Clone(s.machines)
	s.mu.Unlock()
	status := Status{Running: true, PID: os.Getpid(), Machines: map[string]State{}}
	for _, l := range opened {
		status.Forwards = append(status.Forwards, *l.forward.Load())
	}
	sortForwards(status.Forwards)
	for name, m := range machines {
		status.Machines[name] = m.state()
	}
	return status
}
