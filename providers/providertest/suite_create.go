package providertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/colabo/colabo/providers"
)

// testCreate: Create is idempotent, completes what was made half, and leaves nothing when it is cut off.
func (s *suite) testCreate(t *testing.T) {
	t.Run("makes a stopped machine", func(t *testing.T) {
		spec := s.spec(t, s.project(t, "make"), "web")
		s.create(t, spec)
		s.wantState(t, spec.ID, providers.Stopped)
		s.wantMachines(t, spec.Project, "web")
	})
	t.Run("twice keeps the machine", func(t *testing.T) {
		spec := s.spec(t, s.project(t, "twice"), "web")
		s.create(t, spec)
		before := s.wantState(t, spec.ID, providers.Stopped)
		s.create(t, spec)
		after := s.wantState(t, spec.ID, providers.Stopped)
		if before.Ref != after.Ref || before.Digest != after.Digest {
			t.Errorf("was %+v, is %+v", before, after)
		}
		s.wantMachines(t, spec.Project, "web")
	})
	t.Run("of a running machine leaves it running", func(t *testing.T) {
		spec := s.spec(t, s.project(t, "running"), "web")
		s.create(t, spec)
		must(t, s.p.Start(s.ctx(t), spec.ID), "Start")
		s.create(t, spec)
		s.wantState(t, spec.ID, providers.Running)
	})
	t.Run("after destroy makes a new machine", func(t *testing.T) {
		spec := s.spec(t, s.project(t, "again"), "web")
		s.create(t, spec)
		must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy")
		spec.Digest = "sha256:second"
		s.create(t, spec)
		if status := s.wantState(t, spec.ID, providers.Stopped); status.Digest != spec.Digest {
			t.Errorf("digest is %q, want that of the second Create", status.Digest)
		}
	})
	t.Run("of several machines in parallel", s.createParallel)
	t.Run("cancelled before it begins", func(t *testing.T) {
		spec := s.spec(t, s.project(t, "dead"), "web")
		ctx, cancel := context.WithCancel(s.ctx(t))
		cancel()
		s.wantCancelled(t, s.p.Create(ctx, spec, s.report(t)), spec)
	})
	t.Run("cancelled at each report", s.createCancelledAtReports)
	t.Run("cancelled by time", s.createCancelledByTime)
	if s.HalfMade != nil {
		t.Run("completes what a killed one left", s.createCompletes)
	}
}

// createParallel: several machines of one project, which share what a project shares, are made at the same time.
func (s *suite) createParallel(t *testing.T) {
	project := s.project(t, "parallel")
	names := []string{"api", "db", "web"}
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		spec := s.spec(t, project, name)
		ctx := s.ctx(t)
		wg.Go(func() { errs[i] = s.p.Create(ctx, spec, func(string) {}) })
	}
	wg.Wait()
	must(t, errors.Join(errs...), "Create in parallel")
	s.wantMachines(t, project, names...)
	for _, name := range names {
		s.wantState(t, providers.ID{Project: project, Machine: name}, providers.Stopped)
	}
}

// createCancelledAtReports cuts Create off at its first report, then at its second, until it is through.
func (s *suite) createCancelledAtReports(t *testing.T) {
	spec := s.spec(t, s.project(t, "report"), "web")
	for n := 1; n <= 20; n++ {
		ctx, cancel := context.WithCancel(s.ctx(t))
		seen := 0
		err := s.p.Create(ctx, spec, func(text string) {
			if seen++; seen == n {
				t.Logf("cancel at %q", text)
				cancel()
			}
		})
		cancel()
		if err == nil {
			s.wantState(t, spec.ID, providers.Stopped)
			if seen < n {
				return // it never came so far: every report was tried
			}
			must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy")
			continue
		}
		s.wantCancelled(t, err, spec)
	}
}

// createCancelledByTime cuts Create off after parts of the time that it takes, and then lets it through.
func (s *suite) createCancelledByTime(t *testing.T) {
	spec := s.spec(t, s.project(t, "time"), "web")
	begin := time.Now()
	s.create(t, spec)
	whole := time.Since(begin)
	for _, percent := range []time.Duration{2, 20, 50, 80, 95} {
		must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy")
		ctx, cancel := context.WithTimeout(s.ctx(t), whole*percent/100)
		err := s.p.Create(ctx, spec, func(string) {})
		cancel()
		if err == nil {
			s.wantState(t, spec.ID, providers.Stopped)
			continue
		}
		s.wantCancelled(t, err, spec)
	}
	s.create(t, spec)
	s.wantState(t, spec.ID, providers.Stopped)
}

// wantCancelled: err is the context's, and nothing of the machine stayed.
func (s *suite) wantCancelled(t *testing.T, err error, spec providers.Spec) {
	t.Helper()
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a cancelled Create returned %v, want an error that wraps the context's", err)
	}
	if _, err := s.p.Inspect(s.ctx(t), spec.ID); !errors.Is(err, providers.ErrNotFound) {
		t.Errorf("Inspect after a cancelled Create returned %v, want ErrNotFound", err)
	}
	s.wantMachines(t, spec.Project)
}

// createCompletes: what a killed Create left is listed, is completed by the next one, and can be destroyed.
func (s *suite) createCompletes(t *testing.T) {
	spec := s.spec(t, s.project(t, "half"), "web")
	s.HalfMade(t, s.p, spec)
	s.wantMachines(t, spec.Project, "web")
	s.wantState(t, spec.ID, providers.Broken)
	s.create(t, spec)
	s.wantState(t, spec.ID, providers.Stopped)
	must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy")

	s.HalfMade(t, s.p, spec)
	must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy a half-made machine")
	s.wantMachines(t, spec.Project)
}
