package colabofile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

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

// ErrUnusable is wrapped by the error about something that has the name of a Colabofile and can't be one.
var ErrUnusable = errors.New("that is no Colabofile")

// UndeclaredError is a variable of Env.Vars that the Colabofile neither declares nor uses: nothing is wrong with the file.
type UndeclaredError struct {
	Name       string
	Suggestion string // a variable that may have been meant, or ""
}

func (e *UndeclaredError) Error() string {
	text := fmt.Sprintf("--var %s: the Colabofile has no variable of that name", e.Name)
	if e.Suggestion != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Suggestion)
	}
	return text
}

// Env is what a Colabofile is read against.
type Env struct {
	Providers []providers.Kind
	Steps     []provisioners.Kind
	Vars      map[string]string                // of the command line's --var
	Getenv    func(name string) (string, bool) // os.LookupEnv; nil is an empty environment
}

// Find returns the path of the Colabofile of dir: in it, or in the nearest folder above. What is above a folder reached
// by a symbolic link is what is above the folder itself; the path is put as dir is where it leads to the same place.
// Its error wraps ErrNotFound, or ErrUnusable where the nearest thing of that name is no file.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the Colabofile: %w", err)
	}
	physical, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("find the Colabofile: %w", err)
	}
	for folder := physical; ; folder = filepath.Dir(folder) {
		path := filepath.Join(folder, FileName)
		_, err := os.Lstat(path)
		if err == nil {
			path = filepath.Join(asTyped(dir, folder), FileName)
			return path, checkFile(path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find the Colabofile: %w", err)
		}
		if folder == filepath.Dir(folder) {
			return "", hint.New(fmt.Errorf("%s: %w", dir, ErrNotFound),
				"go to a folder of the project, name it with -C DIR, or write a Colabofile; examples/funtime has a whole one")
		}
	}
}

// asTyped is the folder as a part of the path that the user gave; the folder itself where it is none.
func asTyped(typed, folder string) string {
	for ; typed != filepath.Dir(typed); typed = filepath.Dir(typed) {
		if physical, err := filepath.EvalSymlinks(typed); err == nil && physical == folder {
			return typed
		}
	}
	return folder
}

// checkFile says why what has the name of a Colabofile is none.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: a symbolic link to what is not there: %w", shownPath(path), ErrUnusable)
	case err != nil:
		return fmt.Errorf("find the Colabofile: %w", err)
	case info.IsDir():
		return fmt.Errorf("%s: a folder: %w", shownPath(path), ErrUnusable)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: not a regular file: %w", shownPath(path), ErrUnusable)
	}
	return nil
}

// Load reads and validates a Colabofile, and the Colabofile.local beside it where there is one, which is laid over it. It
// runs nothing, and reads no other file but those that steps name, to see that they are there.
// What is wrong with the file's content is returned as Problems, all of it, and variables that it does not know as
// UndeclaredErrors; any other error is about reading it. The project's paths are without symbolic links, so that a project is
// the same one whatever path leads to it; positions name the file as the user would.
func Load(path string, env Env) (*Project, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read the Colabofile: %w", err)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("read the Colabofile: %w", err)
	}
	doc, err := readDocument(path)
	if err != nil {
		return nil, err
	}
	local, err := readDocument(filepath.Join(filepath.Dir(path), LocalName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return decode(filepath.Join(dir, filepath.Base(path)), doc, local, env)
}

// readDocument reads a file.
func readDocument(path string) (*document, error) {
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
		return nil, fmt.Errorf("%s: larger than 1 MiB: %w", shownPath(path), ErrUnusable)
	}
	return newDocument(shownPath(path), data), nil
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

// decode makes the project of a document, and of the one that lies over it where there is one; path is absolute.
func decode(path string, doc, local *document, env Env) (*Project, error) {
	if env.Getenv == nil {
		env.Getenv = func(string) (string, bool) { return "", false }
	}
	root, problems := parse(doc)
	if local != nil {
		over, more := parse(local)
		problems = append(problems, more...)
		if problems == nil {
			lay(root, doc, over, local)
		}
	}
	if problems != nil {
		return nil, problems.sorted()
	}
	project, err := (&source{path: path, doc: doc, root: root, env: env}).project(nil)
	if err != nil {
		return nil, err
	}
	return project, nil
}

// undeclaredVars are variables of the command line that the document does not declare: right as long as it uses them.
type undeclaredVars struct {
	values map[string]string
	used   map[string]bool
}

// splitVars leaves the declared ones in env.Vars. The others are found where an undeclared variable is looked for: in the environment.
func splitVars(root *node, env *Env) *undeclaredVars {
	u := &undeclaredVars{values: map[string]string{}, used: map[string]bool{}}
	declared, vars, getenv := root.field("variables"), map[string]string{}, env.Getenv
	for name, value := range env.Vars {
		if declared.field(name) != nil {
			vars[name] = value
		} else {
			u.values[name] = value
		}
	}
	env.Vars = vars
	env.Getenv = func(key string) (string, bool) {
		if name, ok := strings.CutPrefix(key, "COLABO_VAR_"); ok {
			if value, ok := u.values[name]; ok {
				u.used[name] = true
				return value, true
			}
		}
		return getenv(key)
	}
	return u
}

// unused returns an UndeclaredError for each that the document did not ask for.
func (u *undeclaredVars) unused(root *node) error {
	var known []string
	if declared := root.field("variables"); declared != nil {
		known = declared.names
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(u.values)) {
		if !u.used[name] {
			errs = append(errs, &UndeclaredError{Name: name, Suggestion: Nearest(name, known)})
		}
	}
	return errors.Join(errs...)
}

// Nearest is the candidate that word is probably a misspelling of, or "".
func Nearest(word string, candidates []string) string { return nearest(word, candidates) }

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
	needs []needed
}

// load takes the document's tables one after the other.
func (l *loader) load() {
	for _, name := range l.root.names {
		if !l.topLevel(name, l.root.fields[name]) {
			known := []string{"name", "provider", "variables", "secrets", "defaults", "machine"}
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
	case "secrets":
		l.loadSecrets(n)
	case "variables", "defaults", "machine": // have their own turn
	default:
		return l.unbuilt(topLevelUnbuilt(), name, n, name)
	}
	return true
}
