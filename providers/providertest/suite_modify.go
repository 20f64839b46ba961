package providertest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/colabo/colabo/providers"
)

// testModify: a machine that is there is changed, and stays what it is.
func (s *suite) testModify(t *testing.T) {
	modifier, ok := providers.As[providers.Modifier](s.p)
	if !ok {
		t.Skip(s.p.Name() + " can't change a machine that is there")
	}
	spec := s.spec(t, s.project(t, "modify"), "web")
	s.create(t, spec)
	change := func(t *testing.T, spec providers.Spec) {
		t.Helper()
		spec.Image = providers.Image{}
		must(t, modifier.Modify(s.ctx(t), spec, s.report(t)), "Modify")
		s.wantSame(t, modifier, spec)
		s.wantMachines(t, spec.Project, "web")
	}
	t.Run("a new machine differs in nothing", func(t *testing.T) { s.wantSame(t, modifier, spec) })
	t.Run("what is not as it should be", func(t *testing.T) {
		other := spec
		other.Memory = 3 * spec.Memory
		differs, err := modifier.Differs(s.ctx(t), other)
		must(t, err, "Differs")
		if differs["memory"] == "" {
			t.Errorf("a machine with a third of the memory differs in %v", differs)
		}
	})
	t.Run("a stopped machine, twice", func(t *testing.T) {
		spec.Memory, spec.CPUs, spec.Hostname, spec.Digest = 640<<20, 2, "changed", "sha256:changed"
		change(t, spec)
		change(t, spec)
		s.wantState(t, spec.ID, providers.Stopped)
	})
	t.Run("it starts, and is what it was", func(t *testing.T) {
		must(t, s.p.Start(s.ctx(t), spec.ID), "Start")
		status := s.wantState(t, spec.ID, providers.Running)
		s.wantSame(t, modifier, spec)
		if status.Digest != spec.Digest || status.ImageDigest != s.Image.Digest || status.ProjectDir != spec.ProjectDir {
			t.Errorf("after Modify and Start the machine is %+v", status)
		}
	})
	t.Run("what is live, of a running machine", func(t *testing.T) {
		if s.Changes["memory"] != providers.Live {
			t.Skip("memory is not live on " + s.p.Name())
		}
		spec.Memory, spec.Digest = 768<<20, "sha256:live"
		change(t, spec)
		s.wantState(t, spec.ID, providers.Running)
	})
	t.Run("cancelled", func(t *testing.T) {
		must(t, s.p.Stop(s.ctx(t), spec.ID, 0), "Stop")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		spec.Hostname = "again"
		if err := modifier.Modify(ctx, spec, s.report(t)); err == nil {
			t.Error("Modify with a context that has ended is no error")
		}
		change(t, spec)
		must(t, s.p.Start(s.ctx(t), spec.ID), "Start")
	})
	t.Run("a machine that is not there", func(t *testing.T) {
		gone := spec
		gone.Machine = "gone"
		if err := modifier.Modify(s.ctx(t), gone, s.report(t)); !errors.Is(err, providers.ErrNotFound) {
			t.Errorf("Modify = %v, want ErrNotFound", err)
		}
		if _, err := modifier.Differs(s.ctx(t), gone); !errors.Is(err, providers.ErrNotFound) {
			t.Errorf("Differs = %v, want ErrNotFound", err)
		}
	})
	must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy")
	must(t, s.p.Purge(s.ctx(t), spec.Project), "Purge")
	s.wantNothing(t, spec.Project)
}

// wantSame fails the test unless the machine is what the Spec says.
func (s *suite) wantSame(t *testing.T, modifier providers.Modifier, spec providers.Spec) {
	t.Helper()
	differs, err := modifier.Differs(s.ctx(t), spec)
	must(t, err, "Differs")
	if len(differs) > 0 {
		t.Errorf("the machine differs from what it was made from: %v", differs)
	}
}

// CheckChanges holds a Kind's table of changes to what it promises: every key that a machine is made with has a class.
func CheckChanges(t *testing.T, kind providers.Kind) {
	t.Helper()
	keys := append(providers.MachineKeys(), "network")
	if kind.Options != nil {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(kind.Options()).Elem()) {
			if key, _, _ := strings.Cut(field.Tag.Get("toml"), ","); key != "" && key != "-" {
				keys = append(keys, kind.Name+"."+key)
			}
		}
	}
	known := map[string]bool{}
	for _, key := range keys {
		known[key] = true
		switch class := kind.Changes[key]; class {
		case providers.Ignored, providers.Live, providers.Restart, providers.Recreate:
		default:
			t.Errorf("%s has the class %q", key, class)
		}
	}
	for key := range kind.Changes {
		if !known[key] {
			t.Errorf("there is no key %s", key)
		}
	}
}
