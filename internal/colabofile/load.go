package colabofile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// FileName is what a project's file is called.
const FileName = "Colabofile"

// maxSize is how large a Colabofile may be, in bytes.
const maxSize = 1 << 20

// ErrNotFound is wrapped by Find's error where no folder on the way up has a Colabofile.
var ErrNotFound = errors.New("no Colabofile here or above")

// Env is what a Colabofile is read against.
type Env struct {
	Providers []providers.Kind
	Steps     []provisioners.Kind
	Vars      map[string]string                // of the command line's --var
	Getenv    func(name string) (string, bool) // os.LookupEnv; nil is an empty environment
}

// Find returns the path of the Colabofile of dir: in it, or in the nearest folder above. Its error wraps ErrNotFound.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the Colabofile: %w", err)
	}
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("find the Colabofile: %w", err)
	}
	for folder := dir; ; folder = filepath.Dir(folder) {
		path := filepath.Join(folder, FileName)
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() {
			return path, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find the Colabofile: %w", err)
		}
		if folder == filepath.Dir(folder) {
			return "", hint.New(fmt.Errorf("%s: %w", dir, ErrNotFound),
				"go to a folder of the project, name it with -C DIR, or write a Colabofile; examples/funtime has a whole one")
		}
	}
}

// Load reads and validates a Colabofile. It runs nothing, and reads no other file but those that steps name, to see that they are there.
// What is wrong with the file's content is returned as Problems, all of it; any other error is about reading it.
func Load(path string, env Env) (*Project, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read the Colabofile: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the Colabofile: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the Colabofile: %w", err)
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s: larger than 1 MiB, that is no Colabofile", shownPath(path))
	}
	return decode(path, newDocument(shownPath(path), data), env)
}

// shownPath is the path as the user would type it.
func shownPath(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(dir, path); err == nil && len(relative) < len(path) {
		return relative
	}
	return path
}

// decode makes the project of a document; path is absolute.
func decode(path string, doc *document, env Env) (*Project, error) {
	if env.Getenv == nil {
		env.Getenv = func(string) (string, bool) { return "", false }
	}
	root, problems := parse(doc)
	if problems != nil {
		return nil, problems.sorted()
	}
	l := &loader{
		decoder: &decoder{doc: doc}, env: env, root: root,
		project: &Project{
			File: path, Dir: filepath.Dir(path), Name: filepath.Base(filepath.Dir(path)),
			Provider: Auto, Settings: map[string]any{},
		},
	}
	expand(l.decoder, root, env)
	l.load()
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	return l.project, nil
}

// loader makes one project.
type loader struct {
	*decoder
	env      Env
	root     *node
	defaults *node // [defaults], or nil
	base     Machine
	project  *Project
	drafts   []*draft
}

// draft is a machine with the node that it is made from.
type draft struct {
	*Machine
	node  *node
	path  string
	steps []layer // the tables of Machine.Steps
}

// load takes the document's tables one after the other.
func (l *loader) load() {
	for _, name := range l.root.names {
		if !l.topLevel(name, l.root.fields[name]) {
			known := []string{"name", "provider", "variables", "defaults", "machine"}
			l.unknown(l.root.fields[name], join("", name), name, known)
		}
	}
	l.loadDefaults()
	machines := l.root.field("machine")
	switch {
	case machines == nil:
		l.add(0, "machine", "there is no machine; the smallest one is [machine.dev]", "")
	case machines.kind != table:
		l.want(machines, "machine", table.String())
	case len(machines.names) == 0:
		l.add(machines.key, "machine", "there is no machine; the smallest one is [machine.dev]", "")
	default:
		for _, name := range machines.names {
			l.loadMachine(name, machines.fields[name])
		}
	}
	l.checkPrimary()
	l.checkDependencies()
	l.checkHostPorts()
}

// topLevel takes what is no machine; false means that nobody knows the key.
func (l *loader) topLevel(name string, n *node) bool {
	switch name {
	case "name":
		l.decode(n, name, reflect.ValueOf(&l.project.Name).Elem(), field{})
		if n.kind == text && !printable(n.text) {
			l.add(n.at, name, "a name is printable, and not empty", "")
		}
	case "provider":
		l.loadProvider(n)
	case "variables", "defaults", "machine": // have their own turn
	default:
		return l.unbuilt(topLevelUnbuilt(), name, n, name)
	}
	return true
}
