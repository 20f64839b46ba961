package sshguest_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest/sshguest"
	"github.com/colabo/colabo/internal/guest/sshguest/sshtest"
	"github.com/colabo/colabo/internal/sshkey"
)

func config(s *sshtest.Server) sshguest.Config {
	return sshguest.Config{
		Address: s.Address, User: sshtest.User, PrivateKey: []byte(s.ClientKey.Private), HostKey: s.HostKey.Public,
	}
}

// connect starts a server and logs in to it.
func connect(t *testing.T) (*sshguest.Guest, *sshtest.Server) {
	t.Helper()
	s := sshtest.Start(t)
	g, err := sshguest.Connect(t.Context(), config(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g, s
}

func otherKey(t *testing.T) sshkey.Pair {
	t.Helper()
	pair, err := sshkey.New("other")
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestConnectRefusesAnotherHost(t *testing.T) {
	s := sshtest.Start(t)
	c := config(s)
	c.HostKey = otherKey(t).Public
	g, err := sshguest.Connect(t.Context(), c)
	stranger, ok := errors.AsType[*sshguest.HostKeyError](err)
	if !ok {
		t.Fatalf("got %v, %v; want a HostKeyError", g, err)
	}
	if stranger.Address != s.Address || stranger.Got == stranger.Want {
		t.Errorf("error does not tell who answers: %+v", stranger)
	}
	if s.Logins() != 0 {
		t.Error("it logged in to the wrong host")
	}
}

func TestConnectIsOneAttempt(t *testing.T) {
	s := sshtest.Start(t)
	wrong := config(s)
	wrong.PrivateKey = []byte(otherKey(t).Private)
	if _, err := sshguest.Connect(t.Context(), wrong); err == nil {
		t.Error("logged in with another key")
	}
	s.Stop()
	if _, err := sshguest.Connect(t.Context(), config(s)); err == nil {
		t.Error("connected to nobody")
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := config(sshtest.Start(t))
	c.Address = silent.Addr().String()
	for name, try := range map[string]func(context.Context) error{
		"Connect": func(ctx context.Context) error { _, err := sshguest.Connect(ctx, c); return err },
		"Wait":    func(ctx context.Context) error { _, err := sshguest.WaitConnect(ctx, c, nil); return err },
	} {
		if err := try(within(t, 200*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWaitConnectOutlastsABoot(t *testing.T) {
	s := sshtest.Start(t)
	s.Stop()
	tried := make(chan error, 1000)
	type result struct {
		g   *sshguest.Guest
		err error
	}
	results := make(chan result, 1)
	go func() {
		g, err := sshguest.WaitConnect(within(t, time.Minute), config(s), func(err error) { tried <- err })
		results <- result{g, err}
	}()
	for range 3 {
		if err := <-tried; err == nil {
			t.Error("an attempt at nobody succeeded")
		}
	}
	stranger := otherKey(t)
	right := s.HostKey
	s.SetHostKey(t, stranger) // as an image does before cloud-init has put our key in place
	s.Restart(t)
	for {
		if _, ok := errors.AsType[*sshguest.HostKeyError](<-tried); ok {
			break
		}
	}
	s.SetHostKey(t, right)
	r := <-results
	if r.err != nil {
		t.Fatal(r.err)
	}
	if err := r.g.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "more or less than 1 login, of which each costs an emulated guest a second", func() bool {
		return s.Logins() == 1
	})
}

func TestWaitConnectSaysWhatWasWrongLast(t *testing.T) {
	s := sshtest.Start(t)
	c := config(s)
	c.PrivateKey = []byte(otherKey(t).Private)
	_, err := sshguest.WaitConnect(within(t, 700*time.Millisecond), c, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "unable to authenticate") {
		t.Errorf("got %v", err)
	}
}

func TestDoneWhenTheGuestGoes(t *testing.T) {
	g, s := connect(t)
	select {
	case <-g.Done():
		t.Fatal("done at once")
	default:
	}
	s.Stop()
	select {
	case <-g.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the end of the connection was not noticed")
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	s := sshtest.Start(t)
	before := runtime.NumGoroutine()
	for range 3 {
		g, err := sshguest.Connect(t.Context(), config(s))
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Run(t.Context(), command("true")); err != nil {
			t.Error(err)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if err := g.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	}
	eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before })
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(15 * time.Second)
	for !holds() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatal(what)
		}
	}
}
