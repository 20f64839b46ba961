package providertest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// FakeName is the Fake's name in a Colabofile.
const FakeName = "fake"

// Fake is a provider for tests. A machine is a folder; "running" is a word in its record; its guest is processes of this
// host that work in that folder. All of it is on disk, so that each command of a test may be a process of its own, and
// safe to use from several at once: an operation holds its machine's lock, which a killed process does not keep.
//
// Faults and delays are injected through the environment or a file, see SetFaults; calls are recorded, see Calls.
type Fake struct {
	dir      string
	settings FakeSettings
}

// FakeSettings is the [provider.fake] block.
type FakeSettings struct {
	// PublishesPorts makes the Fake claim that it publishes ports: it shows them in Status, and nobody listens there.
	PublishesPorts bool `toml:"publishes_ports" doc:"claim that the provider publishes ports by itself"`
}

// FakeOptions is the [machine.X.fake] block.
type FakeOptions struct {
	Boot time.Duration `toml:"boot" doc:"how long a start takes"`
	Mode string        `toml:"mode" enum:"quick,slow" default:"quick" doc:"slow machines take 100ms more to start"`
}

// Validate finds a boot time that is none.
func (o *FakeOptions) Validate() []providers.Problem {
	if o.Boot < 0 {
		return []providers.Problem{{Key: "boot", Text: "must not be negative"}}
	}
	return nil
}

// FakeKind is the Fake as a program lists it. Everything is kept under dir, which is made when it is missing.
func FakeKind(dir string) providers.Kind {
	return providers.Kind{
		Name: FakeName,
		Open: func(_ context.Context, config providers.Config) (providers.Provider, error) {
			settings, _ := config.Settings.(*FakeSettings)
			if settings == nil {
				settings = &FakeSettings{}
			}
			return NewFake(dir, *settings)
		},
		Options:  func() any { return &FakeOptions{} },
		Settings: func() any { return &FakeSettings{} },
		Changes:  FakeChanges(),
	}
}

// NewFake opens the Fake whose machines are under dir.
func NewFake(dir string, settings FakeSettings) (*Fake, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open the fake provider: %w", err)
	}
	return &Fake{dir: dir, settings: settings}, nil
}

// Name is "fake".
func (f *Fake) Name() string { return FakeName }

// Check says where the machines are.
func (f *Fake) Check(ctx context.Context) (string, error) {
	if err := f.fault(ctx, "check", ""); err != nil {
		return "", fmt.Errorf("%w: %w", providers.ErrUnavailable, err)
	}
	return "fake machines in " + f.dir, nil
}

// Features is what the settings say; the Fake has no cloud-init.
func (f *Fake) Features() providers.Features {
	return providers.Features{PublishesPorts: f.settings.PublishesPorts, References: true}
}

// Create makes the machine's folder in three steps, each of which can be interrupted: record, disk, network.
func (f *Fake) Create(ctx context.Context, spec providers.Spec, report providers.Report) error {
	unlock, err := f.lock(ctx, spec.ID)
	if err != nil {
		return fmt.Errorf("create %s: %w", spec.Machine, err)
	}
	defer unlock()
	old, err := f.read(spec.ID)
	if err == nil && old.State != providers.Broken {
		return nil
	}
	f.record("create", spec.ID)
	if err := f.make(ctx, spec, report); err != nil {
		return errors.Join(fmt.Errorf("create %s: %w", spec.Machine, err), f.remove(spec.ID))
	}
	return nil
}

// make writes a machine's files anew.
func (f *Fake) make(ctx context.Context, spec providers.Spec, report providers.Report) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := newRecord(spec)
	if err := f.write(r); err != nil {
		return err
	}
	report("copying the image")
	if err := f.fault(ctx, "create", spec.Machine); err != nil {
		return err
	}
	if err := f.makeDisk(spec); err != nil {
		return err
	}
	report("defining the machine")
	if err := f.makeNetwork(spec); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.State = providers.Stopped
	return f.write(r)
}

// Start sets the machine running, after the time that its options say.
func (f *Fake) Start(ctx context.Context, id providers.ID) error {
	return f.change(ctx, "start", id, func(r *fakeRecord) error {
		switch r.State {
		case providers.Running:
			return nil
		case providers.Broken:
			return errors.New("the machine is half made")
		}
		f.record("start", id)
		if err := wait(ctx, r.Boot); err != nil {
			return err
		}
		r.State = providers.Running
		return nil
	})
}

// Stop sets the machine stopped. The guest never needs the grace.
func (f *Fake) Stop(ctx context.Context, id providers.ID, _ time.Duration) error {
	return f.change(ctx, "stop", id, func(r *fakeRecord) error {
		if r.State == providers.Running {
			f.record("stop", id)
			r.State = providers.Stopped
		}
		return nil
	})
}

// change reads a machine's record, changes it and writes it back, under the machine's lock.
func (f *Fake) change(ctx context.Context, operation string, id providers.ID, edit func(*fakeRecord) error) error {
	unlock, err := f.lock(ctx, id)
	if err != nil {
		return fmt.Errorf("%s %s: %w", operation, id.Machine, err)
	}
	defer unlock()
	r, err := f.read(id)
	if err != nil {
		return fmt.Errorf("%s %s: %w", operation, id.Machine, err)
	}
	if err := f.fault(ctx, operation, id.Machine); err != nil {
		return fmt.Errorf("%s %s: %w", operation, id.Machine, err)
	}
	if err := edit(&r); err != nil {
		return fmt.Errorf("%s %s: %w", operation, id.Machine, err)
	}
	return f.write(r)
}

// Destroy removes the machine's folder.
func (f *Fake) Destroy(ctx context.Context, id providers.ID) error {
	unlock, err := f.lock(ctx, id)
	if err != nil {
		return fmt.Errorf("destroy %s: %w", id.Machine, err)
	}
	defer unlock()
	if _, err := os.Stat(f.machineDir(id)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := f.fault(ctx, "destroy", id.Machine); err != nil {
		return fmt.Errorf("destroy %s: %w", id.Machine, err)
	}
	f.record("destroy", id)
	return f.remove(id)
}

// Purge destroys the project's machines and removes its network.
func (f *Fake) Purge(ctx context.Context, project string) error {
	if err := f.fault(ctx, "purge", ""); err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	list, err := f.List(ctx, project)
	if err != nil {
		return err
	}
	for _, status := range list {
		if status.Project != project {
			continue
		}
		if err := f.Destroy(ctx, status.ID); err != nil {
			return err
		}
	}
	// A write that was killed leaves its temporary file, which begins with a dot and the name.
	dir, name := filepath.Split(f.networkFile(project))
	unfinished, err := filepath.Glob(filepath.Join(dir, "."+name+"*"))
	for _, path := range append(unfinished, f.projectDir(project), f.networkFile(project)) {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// Inspect reads the machine's record.
func (f *Fake) Inspect(ctx context.Context, id providers.ID) (providers.Status, error) {
	if err := f.fault(ctx, "inspect", id.Machine); err != nil {
		return providers.Status{}, fmt.Errorf("inspect %s: %w", id.Machine, err)
	}
	r, err := f.read(id)
	if err != nil {
		return providers.Status{}, fmt.Errorf("inspect %s: %w", id.Machine, err)
	}
	return f.status(r), nil
}

// Close has nothing to free.
func (f *Fake) Close() error { return nil }

// OpenGuest returns the guest of a running machine: processes of this host, see fakeGuest.
func (f *Fake) OpenGuest(ctx context.Context, id providers.ID, user string) (guest.Guest, error) {
	if err := f.fault(ctx, "guest", id.Machine); err != nil {
		return nil, fmt.Errorf("open the guest of %s: %w", id.Machine, err)
	}
	r, err := f.read(id)
	if err != nil {
		return nil, fmt.Errorf("open the guest of %s: %w", id.Machine, err)
	}
	if r.State != providers.Running {
		return nil, fmt.Errorf("open the guest of %s: the machine is %s", id.Machine, r.State)
	}
	return newFakeGuest(f, id, r, user)
}
