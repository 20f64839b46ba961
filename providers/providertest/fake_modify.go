package providertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/colabo/colabo/providers"
)

// FakeChanges has a key of every class.
func FakeChanges() map[string]providers.Change {
	return map[string]providers.Change{
		"box": providers.Recreate, "user": providers.Recreate,
		"hostname": providers.Restart, "disk": providers.Restart, "ports": providers.Restart, "fake.boot": providers.Restart,
		"cpus": providers.Live, "memory": providers.Live, "env": providers.Live, "fake.mode": providers.Live,
		"network": providers.Restart,
	}
}

// Modify gives the machine the Spec's values. What FakeChanges calls a restart is refused while it runs.
func (f *Fake) Modify(ctx context.Context, spec providers.Spec, report providers.Report) error {
	return f.change(ctx, "modify", spec.ID, func(r *fakeRecord) error {
		hostname := filepath.Join(f.rootDir(spec.ID), "etc/hostname")
		if r.State == providers.Running && r.Hostname != spec.Hostname {
			return errors.New("the machine runs")
		}
		report("changing the machine")
		f.record("modify", spec.ID)
		r.configure(spec)
		return os.WriteFile(hostname, []byte(spec.Hostname+"\n"), 0o644)
	})
}

// Differs tells what Edit changed, and another memory.
func (f *Fake) Differs(ctx context.Context, spec providers.Spec) (map[string]string, error) {
	if err := f.fault(ctx, "differs", spec.Machine); err != nil {
		return nil, fmt.Errorf("look at %s: %w", spec.Machine, err)
	}
	r, err := f.read(spec.ID)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", spec.Machine, err)
	}
	differs := map[string]string{}
	if r.Memory != spec.Memory {
		differs["memory"] = fmt.Sprintf("is %d, not %d", r.Memory, spec.Memory)
	}
	for key, value := range r.Edited {
		differs[key] = "is " + value
	}
	return differs, nil
}

// Edit gives one key of a machine another value, as if somebody did it behind our back.
// Project "" means the machine of that name in every project.
func Edit(dir string, id providers.ID, key, value string) error {
	f, err := NewFake(dir, FakeSettings{})
	if err != nil {
		return err
	}
	list, err := f.List(context.Background(), id.Project)
	if err != nil {
		return err
	}
	for _, status := range list {
		if status.Machine != id.Machine {
			continue
		}
		edit := func(r *fakeRecord) error {
			if r.Edited == nil {
				r.Edited = map[string]string{}
			}
			r.Edited[key] = value
			return nil
		}
		if err := f.change(context.Background(), "edit", status.ID, edit); err != nil {
			return err
		}
	}
	return nil
}
