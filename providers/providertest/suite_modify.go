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
		status, err := s.p.Inspect(s.ctx(t), spec.ID)
		must(t, err, "Inspect")
		if len(status.Edited) > 0 {
			t.Errorf("after Modify the machine is called edited: %v", status.Edited)
		}
		if status.Digest != spec.Digest {
			t.Errorf("the digest is %q, want %q", status.Digest, spec.Digest)
		}
		s.wantMachines(t, spec.Project, "web")
	}
	t.Run("nothing is edited at first", func(t *testing.T) {
		if status := s.wantState(t, spec.ID, providers.Stopped); len(status.Edited) > 0 {
			t.Errorf("a new machine is called edited: %v", status.Edited)
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
		if len(status.Edited) > 0 || status.ImageDigest != s.Image.Digest || status.ProjectDir != spec.ProjectDir {
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
	})
	must(t, s.p.Destroy(s.ctx(t), spec.ID), "Destroy")
	must(t, s.p.Purge(s.ctx(t), spec.Project), "Purge")
	s.wantNothing(t, spec.Project)
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
