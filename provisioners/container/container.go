// Package container is the provision step that runs a container of an application beside a machine's own services.
//
// The image is pulled where the engine does not have it (`image`), loaded from an archive of `docker save` (`archive`),
// or built from a folder with a Dockerfile (`build`). The container shares the machine's network: 127.0.0.1 is the same
// for it and for the machine, on every provider, and the port it listens on is the machine's port. It is replaced only when
// its configuration or its image changed.
//
// The engine is the one that serves the machine: the host's own for container machines; for VMs one inside,
// which package containerengine puts there.
package container

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// Step is one [[machine.X.provision]] of type "container".
//
// An image that was pulled, or loaded from an archive, has the name it came with and none of our labels: it is the engine's
// cache, for all who use that engine, and stays when the step or the machine is removed. What the step built goes with it.
type Step struct {
	Image      string            `toml:"image" doc:"an image, pulled where the engine does not have it"`
	Build      Build             `toml:"build" doc:"a folder with a Dockerfile, or a table"`
	Archive    string            `toml:"archive" doc:"a file that docker save wrote, plain or gzipped"`
	Env        map[string]string `toml:"env" doc:"environment of the container"`
	Ports      []string          `toml:"ports" doc:"ports of the container on the developer's localhost, [ADDRESS:]HOST:CONTAINER[/PROTOCOL]"`
	Command    []string          `toml:"command" doc:"instead of the image's command"`
	Entrypoint []string          `toml:"entrypoint" doc:"instead of the image's entry point"`
	Volumes    []string          `toml:"volumes" doc:"what is kept when the container is replaced, NAME:/path/in/the/container"`
	Restart    string            `toml:"restart" enum:"unless-stopped,always,on-failure,no" default:"unless-stopped" doc:"what the engine does when the container ends"`
	User       string            `toml:"user" doc:"user or user:group in the container; default: the image's"`
}

var _ provisioners.PortPublisher = (*Step)(nil)

const defaultRestart = "unless-stopped"

// Kind returns the step type "container".
func Kind() provisioners.Kind {
	return provisioners.Kind{
		Type: "container", New: func() provisioners.Step { return &Step{Restart: defaultRestart} }, Remove: remove,
	}
}

// Validate checks that there is one image, that what it is made from is there, and the syntax of all else.
func (s *Step) Validate(dir string) []provisioners.Problem {
	var problems []provisioners.Problem
	add := func(key, format string, args ...any) {
		problems = append(problems, provisioners.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	sources := 0
	for _, set := range []bool{s.Image != "", s.Archive != "", s.Build.Context != ""} {
		if set {
			sources++
		}
	}
	if sources != 1 {
		add("image", "a container step needs one of image, build and archive")
	}
	if s.Image != "" {
		if _, err := reference.ParseDockerRef(s.Image); err != nil {
			add("image", "%q: %s", s.Image, err)
		}
	}
	if s.Archive != "" {
		switch info, err := os.Stat(provisioners.HostPath(dir, s.Archive)); {
		case errors.Is(err, fs.ErrNotExist):
			add("archive", "no such file: %s", s.Archive)
		case err != nil:
			add("archive", "%s", err)
		case !info.Mode().IsRegular():
			add("archive", "%s is not a file", s.Archive)
		}
	}
	for _, problem := range s.Build.validate(dir) {
		add(problem.Key, "%s", problem.Text)
	}
	for i, text := range s.Ports {
		if _, err := providers.ParsePorts(text); err != nil {
			add(fmt.Sprintf("ports[%d]", i), "%s", err)
		}
	}
	for i, text := range s.Volumes {
		if _, _, err := parseVolume(text); err != nil {
			add(fmt.Sprintf("volumes[%d]", i), "%s", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			add("env", "%q can't be the name of an environment variable", name)
		}
	}
	if !slices.Contains([]string{"", "unless-stopped", "always", "on-failure", "no"}, s.Restart) {
		add("restart", "%q is not one of unless-stopped, always, on-failure, no", s.Restart)
	}
	return problems
}

// Files lists what the image is made from: the archive, or the files of the build.
func (s *Step) Files(dir string) ([]string, error) {
	switch {
	case s.Archive != "":
		return []string{provisioners.HostPath(dir, s.Archive)}, nil
	case s.Build.Context != "":
		return s.Build.files(dir)
	}
	return nil, nil
}

// PublishedPorts are the ports to forward from the developer's localhost. Texts that are wrong, which Validate reports, are left out.
func (s *Step) PublishedPorts() []providers.Port {
	var all []providers.Port
	for _, text := range s.Ports {
		if ports, err := providers.ParsePorts(text); err == nil {
			all = append(all, ports...)
		}
	}
	return all
}

var volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// parseVolume reads NAME:/path. Paths of the host or the machine are not volumes: a file step brings these in.
func parseVolume(text string) (name, path string, err error) {
	name, path, found := strings.Cut(text, ":")
	switch {
	case !found || !volumeName.MatchString(name):
		return "", "", fmt.Errorf("%q: want NAME:/path, the name of letters, digits and . _ -", text)
	case !filepath.IsAbs(path) || strings.ContainsRune(path, ':'):
		return "", "", fmt.Errorf("%q: the path in the container must be absolute", text)
	}
	return name, path, nil
}
