package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

// Host is what is looked at when no single project is meant: all that colabo has on this host.
type Host struct {
	Providers []providers.Kind
	Registry  *state.Registry
	CacheDir  string
	Log       *slog.Logger
}

// ProjectStatus is one project of the user, as far as it has anything on this host.
type ProjectStatus struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Dir      string         `json:"dir,omitempty"` // "" where nothing that is left says so
	Machines []ProjectCount `json:"machines"`
	// Gone says why nobody works on the project any more: its folder or its Colabofile is not there.
	Gone string `json:"gone,omitempty"`
	// Providers are those that have anything of it, machines or what a crash left.
	Providers []string `json:"providers"`
}

// ProjectCount is how many machines of a project a provider has.
type ProjectCount struct {
	Provider string `json:"provider"`
	Running  int    `json:"running"`
	Total    int    `json:"total"`
}

// Projects lists the projects that have anything on this host, sorted by name, and those that the registry knows. A provider that can't
// be used here is returned with its reason, and what it may have is not known.
func (h Host) Projects(ctx context.Context) (projects []ProjectStatus, unusable map[string]error, err error) {
	registered, err := h.Registry.List()
	if err != nil {
		return nil, nil, err
	}
	found := map[string]*ProjectStatus{}
	for _, project := range registered {
		found[project.ID] = &ProjectStatus{
			ID: project.ID, Name: project.Name, Dir: project.Dir, Machines: []ProjectCount{}, Providers: []string{},
		}
	}
	seen, unusable, err := h.look(ctx)
	if err != nil {
		return nil, unusable, err
	}
	for _, one := range seen {
		one.addTo(found)
	}
	for _, project := range found {
		project.Gone = goneReason(project.Dir)
		projects = append(projects, *project)
	}
	slices.SortFunc(projects, func(a, b ProjectStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Dir, b.Dir), cmp.Compare(a.ID, b.ID))
	})
	return projects, unusable, nil
}

// sighting is what one provider has.
type sighting struct {
	provider string
	machines []providers.Status
	tags     []providers.ProjectTag
}

// look asks all providers at the same time.
func (h Host) look(ctx context.Context) ([]sighting, map[string]error, error) {
	seen := make([]sighting, len(h.Providers))
	problems := make([]error, len(h.Providers))
	var group sync.WaitGroup
	for i, kind := range h.Providers {
		group.Go(func() { seen[i], problems[i] = h.lookAt(ctx, kind) })
	}
	group.Wait()
	unusable := map[string]error{}
	for i, kind := range h.Providers {
		if errors.Is(problems[i], providers.ErrUnavailable) {
			unusable[kind.Name], problems[i] = problems[i], nil
		}
	}
	return seen, unusable, errors.Join(problems...)
}

func (h Host) lookAt(ctx context.Context, kind providers.Kind) (sighting, error) {
	s := sighting{provider: kind.Name}
	provider, err := h.open(ctx, kind)
	if err != nil {
		return s, err
	}
	defer provider.Close()
	if s.machines, err = provider.List(ctx, ""); err != nil {
		return s, fmt.Errorf("%s: %w", kind.Name, err)
	}
	if lister, ok := providers.As[providers.ProjectLister](provider); ok {
		if s.tags, err = lister.Projects(ctx); err != nil {
			return s, fmt.Errorf("%s: %w", kind.Name, err)
		}
	}
	return s, nil
}

func (h Host) open(ctx context.Context, kind providers.Kind) (providers.Provider, error) {
	provider, err := kind.Open(ctx, providers.Config{CacheDir: h.CacheDir, Log: h.Log.With("provider", kind.Name)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind.Name, err)
	}
	return provider, nil
}

// addTo adds what a provider has to the projects.
func (s sighting) addTo(found map[string]*ProjectStatus) {
	add := func(id, dir string) {
		p := found[id]
		if p == nil {
			p = &ProjectStatus{ID: id, Machines: []ProjectCount{}, Providers: []string{}}
			found[id] = p
		}
		if p.Dir == "" {
			p.Dir = dir
		}
		if p.Name == "" && p.Dir != "" {
			p.Name = filepath.Base(p.Dir)
		}
		if !slices.Contains(p.Providers, s.provider) {
			p.Providers = append(p.Providers, s.provider)
		}
	}
	counts := map[string]*ProjectCount{}
	for _, machine := range s.machines {
		add(machine.Project, machine.ProjectDir)
		count := counts[machine.Project]
		if count == nil {
			count = &ProjectCount{Provider: s.provider}
			counts[machine.Project] = count
		}
		count.Total++
		if machine.State == providers.Running {
			count.Running++
		}
	}
	for id, count := range counts {
		found[id].Machines = append(found[id].Machines, *count)
	}
	for _, tag := range s.tags {
		add(tag.ID, tag.Dir)
	}
}

// goneReason says why nobody works in a folder any more; "" where somebody may. A folder that can't be looked at is not gone.
func goneReason(dir string) string {
	if dir == "" {
		return ""
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "its folder is gone"
	}
	if _, err := os.Lstat(filepath.Join(dir, colabofile.FileName)); errors.Is(err, fs.ErrNotExist) {
		return "its Colabofile is gone"
	}
	return ""
}

// Collect removes everything that carries a project's tag, from all providers that have anything of it, and forgets it. A
// project whose folder is there and that another colabo works on is a *state.BusyError.
func (h Host) Collect(ctx context.Context, project ProjectStatus) error {
	folder, err := state.Open(project.Dir)
	if err != nil {
		return err
	}
	if !folder.Exists() {
		return h.purge(ctx, project)
	}
	lock, err := folder.TryLock("gc")
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := h.purge(ctx, project); err != nil {
		return err
	}
	return folder.Remove()
}

func (h Host) purge(ctx context.Context, project ProjectStatus) error {
	for _, kind := range h.Providers {
		if !slices.Contains(project.Providers, kind.Name) {
			continue
		}
		provider, err := h.open(ctx, kind)
		if err != nil {
			return err
		}
		err = provider.Purge(ctx, project.ID)
		if err := errors.Join(err, provider.Close()); err != nil {
			return fmt.Errorf("%s: %w", kind.Name, err)
		}
	}
	return h.Registry.Remove(project.ID)
}
