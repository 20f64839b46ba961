// Package state is what colabo keeps on disk about one project, in the folder .colabo beside the Colabofile:
// who the project is, a record a machine with the journal of its steps, keys, and the lock that `up` holds.
//
// Files are written whole (temporary file, fsync, rename), so that a reader never waits and never sees half of one.
// Folders have mode 0700 and files 0600, whatever the umask.
package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"

	"github.com/colabo/colabo/internal/hint"
)

// FolderName is the name of a project's state folder.
const FolderName = ".colabo"

// Folder is a project's state folder. It need not exist: reading from one that does not finds nothing.
type Folder struct {
	path    string
	project string // the folder of the Colabofile
}

// Open returns the state folder of the project in dir. A folder that someone else owns or may write to is refused.
func Open(dir string) (*Folder, error) {
	f := &Folder{path: filepath.Join(dir, FolderName), project: dir}
	info, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open state: %s is not a folder", f.path)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		return nil, hint.New(fmt.Errorf("open state: %s belongs to user %d, not to you", f.path, owner),
			"run colabo as the user who ran `colabo up` here")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, hint.New(fmt.Errorf("open state: %s is writable by others (mode %04o)", f.path, info.Mode().Perm()),
			"run `chmod 0700 "+f.path+"`")
	}
	return f, nil
}

// Path returns the absolute path of a file or folder in the state folder.
func (f *Folder) Path(elements ...string) string {
	return filepath.Join(append([]string{f.path}, elements...)...)
}

// Exists says whether the state folder is there.
func (f *Folder) Exists() bool {
	_, err := os.Stat(f.path)
	return err == nil
}

// Make makes the state folder, with a .gitignore that keeps it out of the project's repository. Idempotent.
func (f *Folder) Make() error {
	for _, dir := range []string{f.path, f.Path("machines"), f.Path("keys"), f.Path("log")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make state folder: %w", err)
		}
		if err := os.Chmod(dir, 0o700); err != nil { // the umask may have taken bits away
			return fmt.Errorf("make state folder: %w", err)
		}
	}
	ignore := f.Path(".gitignore")
	if _, err := os.Stat(ignore); err == nil {
		return nil
	}
	return f.write(ignore, []byte("*\n"))
}

// Remove removes the state folder and all that is in it. Only the holder of the Lock may call it. The folder goes in one
// step: who waits for the lock makes a new one meanwhile, and nothing of that is removed.
func (f *Folder) Remove() error {
	going := f.path + ".removed"
	if err := os.RemoveAll(going); err != nil { // of a removal that was cut off
		return fmt.Errorf("remove state folder: %w", err)
	}
	if err := os.Rename(f.path, going); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove state folder: %w", err)
	}
	if err := os.RemoveAll(going); err != nil {
		return fmt.Errorf("remove state folder: %w", err)
	}
	return nil
}

// identity is the content of project.json.
type identity struct {
	ID  string `json:"id"`
	Dir string `json:"dir"` // where the project was when the id was made
}

// ProjectID returns the project's id: 12 hexadecimal digits, made from the folder's path the first time and kept since,
// so that a project whose state is lost finds its machines again by their tags, and one that was moved keeps them.
// A copy of a project whose original is still in place is a project of its own.
func (f *Folder) ProjectID() (string, error) {
	var known identity
	err := f.read(f.Path("project.json"), &known)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return derivedID(f.project), nil
	case err != nil:
		return "", err
	case known.Dir != f.project && sameProjectLivesAt(known):
		return derivedID(f.project), nil
	}
	return known.ID, nil
}

// SaveProjectID writes the id down; see ProjectID.
func (f *Folder) SaveProjectID(id string) error {
	return f.writeJSON(f.Path("project.json"), identity{ID: id, Dir: f.project})
}

func sameProjectLivesAt(known identity) bool {
	var other identity
	there := &Folder{path: filepath.Join(known.Dir, FolderName)}
	return there.read(there.Path("project.json"), &other) == nil && other.ID == known.ID
}

func derivedID(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:6])
}

func (f *Folder) read(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read state %s: %w", path, err)
	}
	return nil
}

func (f *Folder) writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("write state %s: %w", path, err)
	}
	return f.write(path, append(data, '\n'))
}

func (f *Folder) write(path string, data []byte) error {
	if err := renameio.WriteFile(path, data, 0o600, renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}
