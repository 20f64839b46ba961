package providertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"github.com/colabo/colabo/providers"
)

// The environment's way to inject faults and delays, lists with commas; SetFaults is the other one.
const (
	FailEnv  = "COLABO_FAKE_FAIL"  // "create:web,start:*:nospace"
	DelayEnv = "COLABO_FAKE_DELAY" // "start:web:200ms"
)

// SetFaults replaces the rules of the Fake under dir, for every process that uses it from now on. A rule is
//
//	fail OPERATION:MACHINE          the operation fails
//	fail OPERATION:MACHINE:KIND     and its error wraps ErrNoSpace (nospace), ErrUnavailable (unavailable), ErrNotFound (notfound)
//	delay OPERATION:MACHINE:TIME    the operation takes that much longer
//
// OPERATION is one of check, create, modify, differs, start, stop, destroy, purge, inspect, list, guest. MACHINE is its name, or * for
// any; operations that are about no machine match * only. Create waits and fails in its middle.
func SetFaults(dir string, rules ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, "faults"), []byte(strings.Join(rules, "\n")), 0o644)
}

// Remove makes a machine vanish as if somebody removed it behind our back. Project "" means those of every project.
func Remove(dir string, id providers.ID) error {
	f, err := NewFake(dir, FakeSettings{})
	if err != nil {
		return err
	}
	list, err := f.List(context.Background(), id.Project)
	if err != nil {
		return err
	}
	for _, status := range list {
		if status.Machine == id.Machine {
			err = errors.Join(err, f.remove(status.ID))
		}
	}
	return err
}

// Calls returns what was done to machines of the Fake under dir, oldest first, a line each: "create PROJECT/MACHINE".
// Operations that found nothing to do are not among them.
func Calls(dir string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "calls"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), err
}

// record adds a line to Calls. A Fake that can't write there fails at its next real write, with the cause.
func (f *Fake) record(operation string, id providers.ID) {
	path := filepath.Join(f.dir, "calls")
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return
	}
	defer func() { _ = lock.Close() }()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer file.Close()
	fmt.Fprintf(file, "%s %s/%s\n", operation, id.Project, id.Machine)
}

// fault waits and fails as the rules say; it always fails when ctx has ended.
func (f *Fake) fault(ctx context.Context, operation, machine string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, rule := range f.rules() {
		verb, target, _ := strings.Cut(rule, " ")
		parts := strings.SplitN(target+"::", ":", 4)
		if parts[0] != operation || parts[1] != "*" && (parts[1] != machine || machine == "") {
			continue
		}
		switch verb {
		case "delay":
			d, err := time.ParseDuration(parts[2])
			if err != nil {
				return fmt.Errorf("rule %q: %w", rule, err)
			}
			if err := wait(ctx, d); err != nil {
				return err
			}
		case "fail":
			return faultError(parts[2], operation)
		default:
			return fmt.Errorf("rule %q: neither fail nor delay", rule)
		}
	}
	return nil
}

// rules are those of the environment and of the file, delays first.
func (f *Fake) rules() []string {
	var delays, fails []string
	for rule := range strings.SplitSeq(os.Getenv(DelayEnv), ",") {
		if rule != "" {
			delays = append(delays, "delay "+rule)
		}
	}
	for rule := range strings.SplitSeq(os.Getenv(FailEnv), ",") {
		if rule != "" {
			fails = append(fails, "fail "+rule)
		}
	}
	data, _ := os.ReadFile(filepath.Join(f.dir, "faults")) // missing: no rules
	for rule := range strings.Lines(string(data)) {
		if rule = strings.TrimSpace(rule); strings.HasPrefix(rule, "delay ") {
			delays = append(delays, rule)
		} else if rule != "" {
			fails = append(fails, rule)
		}
	}
	return append(delays, fails...)
}

// faultError is an injected fault.
func faultError(kind, operation string) error {
	cause := fmt.Errorf("injected fault in %s", operation)
	switch kind {
	case "nospace":
		return fmt.Errorf("%w: %w", cause, providers.ErrNoSpace)
	case "unavailable":
		return fmt.Errorf("%w: %w", cause, providers.ErrUnavailable)
	case "notfound":
		return fmt.Errorf("%w: %w", cause, providers.ErrNotFound)
	}
	return cause
}

// wait lets d pass, or returns ctx's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}
