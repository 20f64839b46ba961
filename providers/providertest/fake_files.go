package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"github.com/colabo/colabo/providers"
)

// fakeRecord is what is kept of a machine, in record.json of its folder.
type fakeRecord struct {
	providers.ID
	State       providers.State
	ProjectName string
	ProjectDir  string
	Digest      string
	ImageDigest string
	Ports       []providers.Port
	Env         map[string]string
	Boot        time.Duration
	Hostname    string
	Memory      int64
	Edited      map[string]string // what Edit changed
}

// newRecord is the record of a machine of which nothing else is there yet.
func newRecord(spec providers.Spec) fakeRecord {
	r := fakeRecord{
		ID: spec.ID, State: providers.Broken,
		ProjectName: spec.ProjectName, ProjectDir: spec.ProjectDir,
		Digest: spec.Digest, ImageDigest: spec.Image.Digest,
		Ports: spec.Ports, Env: spec.Env,
	}
	r.configure(spec)
	return r
}

// configure takes what can be changed later.
func (r *fakeRecord) configure(spec providers.Spec) {
	r.Digest, r.Ports, r.Env = spec.Digest, spec.Ports, spec.Env
	r.Boot = 0
	if options, ok := spec.Options.(*FakeOptions); ok && options != nil {
		r.Boot = options.Boot
		if options.Mode == "slow" {
			r.Boot += 100 * time.Millisecond
		}
	}
	r.Hostname, r.Memory, r.Edited = spec.Hostname, spec.Memory, nil
}

// status is the record as the interface shows it.
func (f *Fake) status(r fakeRecord) providers.Status {
	s := providers.Status{
		ID: r.ID, Ref: "fake/" + r.Project + "/" + r.Machine, State: r.State,
		Digest: r.Digest, ImageDigest: r.ImageDigest, ProjectDir: r.ProjectDir,
	}
	switch r.State {
	case providers.Broken:
		s.Detail = "half made"
	case providers.Running:
		s.Address = "127.0.0.1"
	case providers.Stopped, providers.Paused:
	}
	if f.settings.PublishesPorts {
		s.Ports = r.Ports
	}
	return s
}

// projectDir holds the folders of a project's machines.
func (f *Fake) projectDir(project string) string {
	return filepath.Join(f.dir, "machines", "p-"+url.PathEscape(project))
}

// machineDir is the folder of one machine.
func (f *Fake) machineDir(id providers.ID) string {
	return filepath.Join(f.projectDir(id.Project), "m-"+url.PathEscape(id.Machine))
}

// rootDir is the machine's file tree.
func (f *Fake) rootDir(id providers.ID) string { return filepath.Join(f.machineDir(id), "root") }

// networkFile stands for what a project's machines share.
func (f *Fake) networkFile(project string) string {
	return filepath.Join(f.dir, "networks", url.PathEscape(project))
}

// lock waits for the machine's lock; unlock gives it back.
func (f *Fake) lock(ctx context.Context, id providers.ID) (unlock func(), err error) {
	dir := filepath.Join(f.dir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, url.PathEscape(id.Project)+"@"+url.PathEscape(id.Machine)))
	if _, err := lock.TryLockContext(ctx, 2*time.Millisecond); err != nil {
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}

// read returns a machine's record. A folder without one is a machine whose Create was killed at once.
func (f *Fake) read(id providers.ID) (fakeRecord, error) {
	data, err := os.ReadFile(filepath.Join(f.machineDir(id), "record.json"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(f.machineDir(id)); err != nil {
			return fakeRecord{}, providers.ErrNotFound
		}
		return fakeRecord{ID: id, State: providers.Broken}, nil
	}
	if err != nil {
		return fakeRecord{}, err
	}
	var r fakeRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return fakeRecord{}, fmt.Errorf("read the fake machine's record: %w", err)
	}
	return r, nil
}

// write replaces a machine's record.
func (f *Fake) write(r fakeRecord) error {
	if err := os.MkdirAll(f.machineDir(r.ID), 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(f.machineDir(r.ID), "record.json"), data, 0o644)
}

// remove removes a machine's folder. It is marked as broken first, so that a removal that was killed can be found and finished.
func (f *Fake) remove(id providers.ID) error {
	r, err := f.read(id)
	if errors.Is(err, providers.ErrNotFound) {
		return nil
	}
	if err == nil {
		r.State = providers.Broken
		if err := f.write(r); err != nil {
			return err
		}
	}
	return os.RemoveAll(f.machineDir(id))
}

// makeDisk makes the machine's file tree. The image's files must be there, and are not read.
func (f *Fake) makeDisk(spec providers.Spec) error {
	for _, path := range []string{spec.Image.Disk, spec.Image.Rootfs} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("copy the image: %w", err)
		}
	}
	root := f.rootDir(spec.ID)
	for _, dir := range []string{"tmp", "var/tmp", "etc", "root", "home/" + spec.User} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, "etc/hostname"), []byte(spec.Hostname+"\n"), 0o644)
}

// makeNetwork makes what the project's machines share.
func (f *Fake) makeNetwork(spec providers.Spec) error {
	path := f.networkFile(spec.Project)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, []byte(spec.ProjectName), 0o644)
}

// List reads the folders.
func (f *Fake) List(ctx context.Context, project string) ([]providers.Status, error) {
	if err := f.fault(ctx, "list", ""); err != nil {
		return nil, fmt.Errorf("list machines: %w", err)
	}
	ids, err := f.ids(project)
	if err != nil {
		return nil, fmt.Errorf("list machines: %w", err)
	}
	var list []providers.Status
	for _, id := range ids {
		r, err := f.read(id)
		if errors.Is(err, providers.ErrNotFound) {
			continue // removed while we looked
		}
		if err != nil {
			return nil, fmt.Errorf("list machines: %w", err)
		}
		list = append(list, f.status(r))
	}
	slices.SortFunc(list, func(a, b providers.Status) int {
		if c := strings.Compare(a.Machine, b.Machine); c != 0 {
			return c
		}
		return strings.Compare(a.Project, b.Project)
	})
	return list, nil
}

// ids are those of the machines that have a folder; project "" means every project.
func (f *Fake) ids(project string) ([]providers.ID, error) {
	machines := filepath.Join(f.dir, "machines")
	projects := []string{"p-" + url.PathEscape(project)}
	if project == "" {
		var err error
		if projects, err = folders(machines); err != nil {
			return nil, err
		}
	}
	var ids []providers.ID
	for _, p := range projects {
		names, err := folders(filepath.Join(machines, p))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			ids = append(ids, providers.ID{Project: unescape(p), Machine: unescape(name)})
		}
	}
	return ids, nil
}

// folders are the names in a folder, which need not be there.
func folders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

// unescape is what projectDir and machineDir made a folder's name from.
func unescape(name string) string {
	_, name, _ = strings.Cut(name, "-")
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}
