package container

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/colabo/colabo/provisioners"
)

// Build says what an image is built from: in a Colabofile the context's path, or a table.
//
// Prepare is for images that hold what is built on the host, such as one static binary `FROM scratch`: it runs in the context's
// folder each time the step runs, before the context is packed; validating runs nothing. Its outputs then are sent to the
// engine but are no reason for the step to run again, the rest of the folder is, whether .dockerignore names it or not.
type Build struct {
	Context    string            `toml:"context" doc:"folder on the host that is sent to the engine, less what its .dockerignore names"`
	Dockerfile string            `toml:"dockerfile" default:"Dockerfile" doc:"the Dockerfile's path inside the context"`
	Args       map[string]string `toml:"args" doc:"build arguments"`
	Target     string            `toml:"target" doc:"the stage to build; default: the last one"`
	Prepare    HostCommand       `toml:"prepare" doc:"command on the host that makes files of the context; a string is run by sh -c"`
	Outputs    []string          `toml:"outputs" doc:"what prepare makes, in the context, written as in a .dockerignore"`
}

const defaultDockerfile = "Dockerfile"

// UnmarshalTOML takes the context's path or a table.
func (b *Build) UnmarshalTOML(value any) error {
	table, ok := value.(map[string]any)
	if !ok {
		context, ok := value.(string)
		if !ok {
			return fmt.Errorf("want the path of a folder or a table, not %T", value)
		}
		b.Context = context
		return nil
	}
	return b.decode(table)
}

func (b *Build) decode(table map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		value := table[key]
		var err error
		switch key {
		case "context":
			b.Context, err = text(value)
		case "dockerfile":
			b.Dockerfile, err = text(value)
		case "target":
			b.Target, err = text(value)
		case "prepare":
			err = b.Prepare.UnmarshalTOML(value)
		case "outputs":
			b.Outputs, err = texts(value)
		case "args":
			b.Args, err = textTable(value)
		default:
			err = errors.New("unknown key")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// HostCommand is a command's argv.
type HostCommand []string

// UnmarshalTOML takes a list of words, or a string for sh -c.
func (c *HostCommand) UnmarshalTOML(value any) error {
	if line, ok := value.(string); ok {
		*c = HostCommand{"sh", "-c", line}
		return nil
	}
	words, err := texts(value)
	*c = words
	return err
}

func text(value any) (string, error) {
	s, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("want a string, not %T", value)
	}
	return s, nil
}

func texts(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list of strings, not %T", value)
	}
	words := make([]string, len(list))
	for i, element := range list {
		word, err := text(element)
		if err != nil {
			return nil, err
		}
		words[i] = word
	}
	return words, nil
}

func textTable(value any) (map[string]string, error) {
	table, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want a table of strings, not %T", value)
	}
	all := map[string]string{}
	for name, element := range table {
		s, err := text(element)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name] = s
	}
	return all, nil
}

func (b *Build) validate(dir string) []provisioners.Problem {
	var problems []provisioners.Problem
	add := func(key, format string, args ...any) {
		problems = append(problems, provisioners.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	if b.Context == "" {
		if b.dockerfile() != defaultDockerfile || b.Target != "" || len(b.Args)+len(b.Prepare)+len(b.Outputs) > 0 {
			add("build.context", "a build needs a context")
		}
		return problems
	}
	context := provisioners.HostPath(dir, b.Context)
	switch info, err := os.Stat(context); {
	case errors.Is(err, fs.ErrNotExist):
		add("build", "no such folder: %s", b.Context)
		return problems
	case err != nil || !info.IsDir():
		add("build", "%s is not a folder", b.Context)
		return problems
	}
	if !filepath.IsLocal(b.dockerfile()) {
		add("build.dockerfile", "%s is not inside the context", b.Dockerfile)
	} else if _, err := os.Stat(filepath.Join(context, b.dockerfile())); err != nil {
		add("build", "%s has no %s", b.Context, b.dockerfile())
	}
	if _, err := patternmatcher.New(b.Outputs); err != nil {
		add("build.outputs", "%s", err)
	}
	if _, err := b.ignored(context); err != nil {
		add("build", "%s", err)
	}
	if len(b.Outputs) > 0 && len(b.Prepare) == 0 {
		add("build.outputs", "outputs are what prepare makes, and there is no prepare")
	}
	return problems
}

func (b *Build) dockerfile() string {
	if b.Dockerfile == "" {
		return defaultDockerfile
	}
	return filepath.Clean(b.Dockerfile)
}

// ignored matches what the context's .dockerignore keeps from the engine.
func (b *Build) ignored(context string) (*patternmatcher.PatternMatcher, error) {
	file, err := os.Open(filepath.Join(context, dockerignore))
	if errors.Is(err, fs.ErrNotExist) {
		return patternmatcher.New(nil)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dockerignore, err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dockerignore, err)
	}
	return matcher, nil
}
