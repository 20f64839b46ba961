package sshguest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/colabo/colabo/internal/guest"
)

// session is one command on the connection. x/crypto's own Session is not used: it waits for an input
// that does not end, and for an output that a daemon left behind keeps open.
type session struct {
	channel ssh.Channel
	stdout  *gate
	stderr  *startWatch
	errGate *gate
	ended   chan error    // gets how the command ended, once
	over    chan struct{} // closed when Run returns
	abort   context.CancelCauseFunc
}

const (
	roomLimit    = 3 * time.Second
	roomInterval = 50 * time.Millisecond
)

// openSession opens a session and prepares its streams. release is called once the guest has room for another one.
func (g *Guest) openSession(
	ctx context.Context, cmd guest.Command, inv invocation, abort context.CancelCauseFunc, release func(),
) (*session, error) {
	channel, requests, err := g.openChannel(ctx)
	if err != nil {
		release()
		return nil, err
	}
	s := &session{channel: channel, over: make(chan struct{}), ended: make(chan error, 1), abort: abort}
	lock := new(sync.Mutex)
	s.stdout = &gate{lock: lock, w: cmd.Stdout, abort: abort}
	if !sameWriter(cmd.Stdout, cmd.Stderr) {
		lock = new(sync.Mutex)
	}
	s.errGate = &gate{lock: lock, w: cmd.Stderr, abort: abort}
	s.stderr = &startWatch{w: s.errGate, started: make(chan struct{}), watching: inv.marked}
	go func() {
		defer release()
		awaitExit(requests, s.ended)
	}()
	return s, nil
}

// openChannel opens a session's channel. A guest that has just seen the end of a session may need a moment until it has
// room for the next one.
func (g *Guest) openChannel(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	for deadline := time.Now().Add(roomLimit); ; {
		channel, requests, err := g.tryChannel(ctx)
		_, refused := errors.AsType[*ssh.OpenChannelError](err)
		if !refused || time.Now().After(deadline) {
			return channel, requests, err
		}
		select {
		case <-time.After(roomInterval):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// tryChannel opens a channel; when ctx ends first, the channel is closed as soon as it is there.
func (g *Guest) tryChannel(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	type opened struct {
		channel  ssh.Channel
		requests <-chan *ssh.Request
		err      error
	}
	result := make(chan opened)
	go func() {
		channel, requests, err := g.client.OpenChannel("session", nil)
		select {
		case result <- opened{channel, requests, err}:
		case <-ctx.Done():
			if err == nil {
				go ssh.DiscardRequests(requests)
				_ = channel.Close()
			}
		}
	}()
	select {
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	case r := <-result:
		if r.err != nil {
			return nil, nil, g.orLost(r.err)
		}
		return r.channel, r.requests, nil
	}
}

// orLost is err, or ErrConnectionLost when the connection is gone.
func (g *Guest) orLost(err error) error {
	if _, refused := errors.AsType[*ssh.OpenChannelError](err); refused {
		return err
	}
	return fmt.Errorf("%w: %w", ErrConnectionLost, err)
}

// close lets no more output through and gives the session up.
func (s *session) close() {
	close(s.over)
	_ = s.channel.Close()
	s.stdout.shut()
	s.errGate.shut()
}

// execute starts the command and waits for its end and its output's. Its error is nil, a *guest.ExitError or
// ErrConnectionLost with more words.
func (s *session) execute(inv invocation, cmd guest.Command, drain time.Duration) error {
	if err := s.requestTerminal(cmd.Terminal); err != nil {
		return err
	}
	started, err := s.channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{inv.line}))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConnectionLost, err)
	}
	if !started {
		return errors.New("the guest's ssh server refuses to run commands")
	}
	input := io.Reader(strings.NewReader(inv.prologue))
	if cmd.Stdin != nil {
		input = io.MultiReader(input, cmd.Stdin)
	}
	go pump(s.channel, input, s.abort)
	var outputs sync.WaitGroup
	outputs.Go(func() { _, _ = io.Copy(s.stdout, s.channel) }) // gates return no errors, and the channel only EOF
	outputs.Go(func() { _, _ = io.Copy(s.stderr, s.channel.Stderr()) })
	drained := make(chan struct{})
	go func() { outputs.Wait(); close(drained) }()

	err = <-s.ended
	s.awaitOutput(drained, drain)
	return err
}

// awaitOutput waits for the output's end, or until nothing came for as long as drain (0: for ever).
func (s *session) awaitOutput(drained <-chan struct{}, drain time.Duration) {
	if drain == 0 {
		<-drained
		return
	}
	const looks = 10
	ticker := time.NewTicker(drain / looks)
	defer ticker.Stop()
	for quiet := 0; quiet < looks; {
		select {
		case <-drained:
			return
		case <-ticker.C:
			quiet++
			if traffic := s.stdout.sawTraffic(); s.errGate.sawTraffic() || traffic {
				quiet = 0
			}
		}
	}
}

// awaitExit sends how the command ended, then serves the channel's requests until it closes.
func awaitExit(requests <-chan *ssh.Request, ended chan<- error) {
	known := false
	tell := func(err error) {
		if !known {
			known = true
			ended <- err
		}
	}
	for request := range requests {
		var status struct{ Status uint32 }
		var signal struct {
			Signal     string
			CoreDumped bool
			Message    string
			Language   string
		}
		switch {
		case request.Type == "exit-status" && ssh.Unmarshal(request.Payload, &status) == nil:
			if status.Status == 0 {
				tell(nil)
			} else {
				tell(&guest.ExitError{Code: int(status.Status)})
			}
		case request.Type == "exit-signal" && ssh.Unmarshal(request.Payload, &signal) == nil:
			name, _, _ := strings.Cut(signal.Signal, "@")
			tell(&guest.ExitError{Code: 128 + signalNumber(name), Signal: name})
		case request.WantReply:
			_ = request.Reply(false, nil) // keepalives
		}
	}
	tell(ErrConnectionLost)
}

// requestTerminal asks for a terminal and keeps its size right until the session is over.
func (s *session) requestTerminal(t *guest.Terminal) error {
	if t == nil {
		return nil
	}
	granted, err := s.channel.SendRequest("pty-req", true, ssh.Marshal(struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}{t.Type, uint32(t.Size.Columns), uint32(t.Size.Rows), 0, 0, "\x00"}))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConnectionLost, err)
	}
	if !granted {
		return errors.New("the guest's ssh server refuses a terminal")
	}
	if t.Resize != nil {
		go s.followSize(t.Resize)
	}
	return nil
}

func (s *session) followSize(sizes <-chan guest.Size) {
	for {
		select {
		case <-s.over:
			return
		case size, more := <-sizes:
			if !more {
				return
			}
			_, _ = s.channel.SendRequest("window-change", false, ssh.Marshal(
				struct{ Columns, Rows, Width, Height uint32 }{uint32(size.Columns), uint32(size.Rows), 0, 0}))
		}
	}
}

// signalNumber is the number of a signal as RFC 4254 names it; 0 when unknown.
func signalNumber(name string) int {
	numbers := map[string]int{
		"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11,
		"USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "SYS": 31,
	}
	return numbers[name]
}
