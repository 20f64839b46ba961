package engine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/guest"
)

// runChecks waits until all checks of the machine pass, one after the other.
func (r *machineRun) runChecks(ctx context.Context) error {
	if len(r.want.config.Checks) == 0 {
		r.reached = "up"
		return nil
	}
	config, err := r.settled(ctx)
	if err != nil {
		return err
	}
	for i, check := range config.Checks {
		name := checkName(r.want.config.Checks[i]) // as it is written
		err := r.engine.stage(ctx, r.want.name, "check", func(ctx context.Context, s *stage) error {
			s.result = name
			s.detail(name)
			return r.waitForCheck(ctx, check, s)
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return &CheckError{Machine: r.want.name, Check: name, Err: err}
		}
	}
	r.reached = "up"
	return nil
}

func checkName(check colabofile.Check) string {
	switch {
	case check.HTTP != "":
		return "http " + check.HTTP
	case check.TCP != "":
		return "tcp " + check.TCP
	}
	return "command " + strings.Join(check.Command, " ")
}

// waitForCheck makes the check until it passes or its time is over; the error is then the last answer.
func (r *machineRun) waitForCheck(ctx context.Context, check colabofile.Check, s *stage) error {
	limited, stop := context.WithTimeout(ctx, check.Timeout)
	defer stop()
	var last error
	for {
		err := r.check(limited, check)
		if err == nil {
			return nil
		}
		if limited.Err() == nil || last == nil {
			last = err
		}
		s.detail(err.Error())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limited.Done():
			return fmt.Errorf("not passed within %s: %w", check.Timeout, last)
		case <-time.After(check.Interval):
		}
	}
}

// check makes a check once, from inside the guest.
func (r *machineRun) check(ctx context.Context, check colabofile.Check) error {
	switch {
	case check.HTTP != "":
		return r.checkHTTP(ctx, check.HTTP)
	case check.TCP != "":
		conn, err := r.dial(ctx, "tcp", check.TCP)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return r.checkCommand(ctx, check.Command)
}

// checkHTTP passes on any status below 400.
func (r *machineRun) checkHTTP(ctx context.Context, url string) error {
	transport := &http.Transport{DialContext: r.dial, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}

func (r *machineRun) checkCommand(ctx context.Context, argv []string) error {
	config, err := r.settled(ctx)
	if err != nil {
		return err
	}
	g, err := r.connected(ctx)
	if err != nil {
		return err
	}
	var out strings.Builder
	err = g.Run(ctx, guest.Command{Argv: argv, Env: config.Env, Stdout: &out, Stderr: &out})
	if text := strings.TrimSpace(out.String()); err != nil && text != "" {
		return fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// dial connects from inside the guest.
func (r *machineRun) dial(ctx context.Context, network, address string) (net.Conn, error) {
	g, err := r.connected(ctx)
	if err != nil {
		return nil, err
	}
	return g.Dial(ctx, network, address)
}
