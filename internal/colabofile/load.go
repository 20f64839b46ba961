package colabofile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// FileName is what a project's file is called.
const FileName = "Colabofile"

// LocalSuffix makes the name of the file that one developer merges over a Colabofile.
const LocalSuffix = ".local"

// maxSize is how large a Colabofile may be, in bytes.
const maxSize = 1 << 20

// ErrNotFound is wrapped by Find's error where no folder on the way up has a Colabofile.
var ErrNotFound = errors.New("no Colabofile here or above")

// ErrUnusable is wrapped by the error about something that has the name of a Colabofile and can't be one.
var ErrUnusable = errors.New("that is no Colabofile")

// Env is what a Colabofile is read against.
type Env struct {
	Providers []providers.Kind
	Steps     []provisioners.Kind
	Vars      map[string]string                // of the command line's --var
	Getenv    func(name string) (string, bool) // os.LookupEnv; nil is an empty environment
}

// Load reads and validates a Colabofile, with the one of LocalSuffix beside it, where there is one, merged over it. It runs nothing,
// and reads no other file but those that steps name, to see that they are there: no secret's value.
// What is wrong with the files' content is returned as Problems, all of it, and variables that they do not know as
// UndeclaredErrors; any other error is about reading them. The project's paths are without symbolic links, so that a project is
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
	own, err := readDocument(path)
	if err != nil {
		return nil, err
	}
	docs := []*document{own}
	if _, err := os.Lstat(path + LocalSuffix); !errors.Is(err, fs.ErrNotExist) {
		local, err := readLocal(path + LocalSuffix)
		if err != nil {
			return nil, err
		}
		docs = append(docs, local)
	}
	return decode(filepath.Join(dir, filepath.Base(path)), newSources(docs...), env)
}

// readLocal reads a file that is there, if it is one.
func readLocal(path string) (*document, error) {
	if err := checkFile(path); err != nil {
		return nil, err
	}
	return readDocument(path)
}

// readDocument reads a file of a Colabofile's size.
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

// decode makes the project of its documents; path is absolute.
func decode(path string, docs sources, env Env) (*Project, error) {
	if env.Getenv == nil {
		env.Getenv = func(string) (string, bool) { return "", false }
	}
	root, problems := parseAll(docs)
	if problems != nil {
		return nil, problems.sorted()
	}
	vars := splitVars(root, &env)
	l := newLoader(path, docs, root, env)
	expand(l.decoder, root, env)
	bad := slices.Clone(l.problems)
	l.load()
	l.problems = append(bad, without(l.problems[len(bad):], bad)...)
	switch unused := vars.unused(root); {
	case unused != nil && len(l.problems) > 0:
		return nil, errors.Join(unused, l.problems.sorted())
	case unused != nil:
		return nil, unused
	case len(l.problems) > 0:
		return nil, l.problems.sorted()
	}
	return l.project, nil
}

// without leaves out the problems of strings that have one already: what is wrong with a value follows from its bad reference.
func without(problems, known Problems) Problems {
	return slices.DeleteFunc(problems, func(p Problem) bool {
		return slices.ContainsFunc(known, func(k Problem) bool { return k.Key == p.Key })
	})
}

// parseAll makes one tree of the documents, each merged over those before it; or says what is wrong with any of them.
func parseAll(docs sources) (*node, Problems) {
	var root *node
	var problems Problems
	for _, doc := range docs {
		tree, wrong := parse(doc)
		problems = append(problems, wrong...)
		switch {
		case tree == nil:
		case root == nil:
			root = tree
		default:
			tree.shift(doc.base)
			mergeOver(root, tree)
		}
	}
	return root, problems
}

// newLoader begins a project; path is absolute.
func newLoader(path string, docs sources, root *node, env Env) *loader {
	project := &Project{
		File: path, Dir: filepath.Dir(path), Name: filepath.Base(filepath.Dir(path)),
		Provider: Auto, Settings: map[string]any{}, Secrets: map[string]Secret{},
		origin: origins{docs: docs, root: root, env: env},
	}
	if len(docs) > 1 {
		project.Local = path + LocalSuffix
	}
	return &loader{decoder: &decoder{doc: docs}, env: env, root: root, project: project}
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
	steps []stepDraft // of Machine.Steps
	needs []need      // of Machine.Needs
}

// load takes the document's tables one after the other.
func (l *loader) load() {
	for _, name := range l.root.names {
		if !l.topLevel(name, l.root.fields[name]) {
			l.unknown(l.root.fields[name], join("", name), name, keys(l.fields(reflect.TypeFor[file]())))
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
