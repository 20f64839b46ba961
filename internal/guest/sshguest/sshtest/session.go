package sshtest

import (
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// process is the one command of a session.
type process struct {
	cmd      *exec.Cmd
	ours     []io.Closer // our ends of its pipes or terminal
	outputs  sync.WaitGroup
	terminal *os.File // our side of it, or nil
	size     windowSize
	term     string // "" without a terminal
}

type windowSize struct{ Columns, Rows, Width, Height uint32 }

// session serves a session channel as OpenSSH does, as far as its clients here look.
func (s *Server) session(request ssh.NewChannel) {
	channel, requests, err := request.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	p := &process{}
	defer p.hangUp()
	ended := make(chan struct{})
	for {
		select {
		case <-ended:
			return
		case r, more := <-requests:
			if !more {
				return
			}
			s.handle(channel, p, r, ended)
		}
	}
}

func (s *Server) handle(channel ssh.Channel, p *process, r *ssh.Request, ended chan struct{}) {
	ok := false
	switch r.Type {
	case "pty-req":
		var pty struct {
			Term                         string
			Columns, Rows, Width, Height uint32
			Modes                        string
		}
		if ok = ssh.Unmarshal(r.Payload, &pty) == nil; ok {
			p.term, p.size = pty.Term, windowSize{pty.Columns, pty.Rows, pty.Width, pty.Height}
		}
	case "window-change":
		if ok = ssh.Unmarshal(r.Payload, &p.size) == nil && p.terminal != nil; ok {
			ok = resize(p.terminal, p.size) == nil
		}
	case "exec":
		var line struct{ Command string }
		if ok = ssh.Unmarshal(r.Payload, &line) == nil && p.cmd == nil; ok {
			ok = s.start(channel, p, line.Command) == nil
		}
	case "signal":
		var signal struct{ Name string }
		if ok = ssh.Unmarshal(r.Payload, &signal) == nil && p.cmd != nil && signal.Name == "TERM"; ok {
			ok = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM) == nil
		}
	}
	if r.WantReply {
		_ = r.Reply(ok, nil)
	}
	if ok && r.Type == "exec" {
		s.serving.Go(func() {
			p.await(channel, ended)
			s.forget(p)
		})
	}
}

func (s *Server) start(channel ssh.Channel, p *process, line string) error {
	p.cmd = exec.Command("/bin/sh", "-c", line)
	p.cmd.Env = append(os.Environ(), "PATH="+s.bin+":"+os.Getenv("PATH"))
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	run := p.startOnPipes
	if p.term != "" {
		run = p.startOnTerminal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listen == nil {
		return net.ErrClosed
	}
	if err := run(channel); err != nil {
		return err
	}
	s.processes[p] = true
	return nil
}

func (s *Server) forget(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.processes, p)
}

// await does what sshd does: the status goes out when the process ends, the channel closes when its output does.
func (p *process) await(channel ssh.Channel, ended chan struct{}) {
	defer close(ended)
	state, err := p.cmd.Process.Wait()
	if err == nil {
		name, payload := exit(state)
		_, _ = channel.SendRequest(name, false, payload)
	}
	p.outputs.Wait()
	_ = channel.Close()
}

// startOnPipes starts the process on pipes of our own, whose ends a process left behind can keep open, as with sshd.
func (p *process) startOnPipes(channel ssh.Channel) error {
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.ours = []io.Closer{stdin, stdout, stderr}
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	p.outputs.Go(func() { _, _ = io.Copy(channel, stdout) })
	p.outputs.Go(func() { _, _ = io.Copy(channel.Stderr(), stderr) })
	return nil
}

func (p *process) startOnTerminal(channel ssh.Channel) error {
	ours, theirs, err := openTerminal()
	if err != nil {
		return err
	}
	defer theirs.Close()
	if err := resize(ours, p.size); err != nil {
		return err
	}
	p.terminal, p.ours = ours, []io.Closer{ours}
	p.cmd.Env = append(p.cmd.Env, "TERM="+p.term)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = theirs, theirs, theirs
	p.cmd.SysProcAttr.Setctty = true
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() { _, _ = io.Copy(ours, channel) }()
	p.outputs.Go(func() { _, _ = io.Copy(channel, ours) })
	return nil
}

// hangUp closes our ends, which is all that sshd does to the process of a session that was closed.
func (p *process) hangUp() {
	for _, end := range p.ours {
		_ = end.Close()
	}
}

// exit is the request that says how a process ended.
func exit(state *os.ProcessState) (name string, payload []byte) {
	status, _ := state.Sys().(syscall.WaitStatus)
	if !status.Signaled() {
		return "exit-status", ssh.Marshal(struct{ Status uint32 }{uint32(status.ExitStatus())})
	}
	names := map[syscall.Signal]string{syscall.SIGTERM: "TERM", syscall.SIGKILL: "KILL", syscall.SIGSEGV: "SEGV", syscall.SIGHUP: "HUP"}
	return "exit-signal", ssh.Marshal(struct {
		Signal     string
		CoreDumped bool
		Message    string
		Language   string
	}{Signal: names[status.Signal()]})
}
