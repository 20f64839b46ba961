package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// Registry is the list of the user's projects, a file each, so that processes don't get in each other's way. It is for
// people who look for their machines; what is there is known by tags, not by this.
type Registry struct{ dir string }

// Registered is a project that had machines when it was seen last.
type Registered struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Dir  string `json:"dir"` // of the Colabofile
}

// OpenRegistry returns the registry in a folder, which is made when something is added to it.
func OpenRegistry(dir string) *Registry { return &Registry{dir: dir} }

// Add writes a project down, in place of what was known of it.
func (r *Registry) Add(project Registered) error {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("register project: %w", err)
	}
	data, err := json.MarshalIndent(project, "", "  ")
	if err != nil {
		return fmt.Errorf("register project: %w", err)
	}
	if err := renameio.WriteFile(r.path(project.ID), append(data, '\n'), 0o600, renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("register project: %w", err)
	}
	return nil
}

// Remove forgets a project; one that is not known is no error.
func (r *Registry) Remove(id string) error {
	if err := os.Remove(r.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget project: %w", err)
	}
	return nil
}

// List returns the projects, in the order of their ids. A file that can't be read as one is left out.
func (r *Registry) List() ([]Registered, error) {
	entries, err := os.ReadDir(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	var projects []Registered
	for _, entry := range entries {
		id, isProject := strings.CutSuffix(entry.Name(), recordSuffix)
		if !isProject {
			continue
		}
		var project Registered
		data, err := os.ReadFile(r.path(id))
		if err == nil && json.Unmarshal(data, &project) == nil && project.ID == id {
			projects = append(projects, project)
		}
	}
	return projects, nil
}

func (r *Registry) path(id string) string { return filepath.Join(r.dir, id+recordSuffix) }
