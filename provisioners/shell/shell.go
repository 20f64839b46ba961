// Package shell is the provision step that runs a script in the machine.
//
// The script is the text of `inline` or the host's file `path`. Its first line may name an interpreter (#!/usr/bin/python3).
// Without one it is run by bash, or sh where the guest has no bash, with -e: the first command that fails ends the step
// (write `command || true` where a failure is fine). It runs as root unless `user` says otherwise, with an empty standard
// input, in the home folder of that user unless `dir` says otherwise.
//
// Script, arguments and environment travel over one connection's standard input: one round trip, and neither shows in the
// guest's list of processes but for the script's own arguments. Scripts written on Windows (lines that end in CR LF) work.
package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/tail"
)

// Step is one [[machine.X.provision]] of type "shell".
type Step struct {
	Inline string            `toml:"inline" doc:"the script's text"`
	Path   string            `toml:"path" doc:"a script on the host, instead of inline"`
	Args   []string          `toml:"args" doc:"arguments of the script"`
	Env    map[string]string `toml:"env" doc:"environment of the script, on top of the machine's"`
	User   string            `toml:"user" default:"root" doc:"the user in the machine that runs it"`
	Dir    string            `toml:"dir" doc:"working directory in the machine; default: the user's home folder"`
}

// Kind returns the step type "shell".
func Kind() provisioners.Kind {
	return provisioners.Kind{Type: "shell", New: func() provisioners.Step { return &Step{User: "root"} }}
}

// Validate checks that there is one script, that it is a text, and that the environment's names can be set by a shell.
func (s *Step) Validate(dir string) []provisioners.Problem {
	var problems []provisioners.Problem
	add := func(key, format string, args ...any) {
		problems = append(problems, provisioners.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	switch {
	case s.Inline == "" && s.Path == "":
		add("inline", "a shell step needs inline or path")
	case s.Inline != "" && s.Path != "":
		add("path", "inline and path exclude each other")
	default:
		text, err := s.text(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			add("path", "no such file: %s", s.Path)
		case err != nil:
			add("path", "%s", err)
		case bytes.IndexByte(text, 0) >= 0 && s.Path != "":
			add("path", "%s is not a script but a binary: a file step puts it into the machine", s.Path)
		case bytes.IndexByte(text, 0) >= 0:
			add("inline", "a script can't contain a NUL character")
		}
	}
	for name, value := range s.Env {
		if !settable(name) {
			add("env", "%q can't be the name of an environment variable", name)
		}
		if strings.ContainsRune(value, 0) {
			add("env", "the value of %s contains a NUL character", name)
		}
	}
	for i, arg := range s.Args {
		if strings.ContainsRune(arg, 0) {
			add(fmt.Sprintf("args[%d]", i), "an argument can't contain a NUL character")
		}
	}
	return problems
}

// Files lists the script on the host, if it is one.
func (s *Step) Files(dir string) ([]string, error) {
	if s.Path == "" {
		return nil, nil
	}
	return []string{provisioners.HostPath(dir, s.Path)}, nil
}

// Run runs the script in one round trip. Its output goes to target.Output. The script's temporary file in the guest is
// removed however the script ends. A script that fails is a *guest.ExitError that names it, with the end of its output.
func (s *Step) Run(ctx context.Context, target provisioners.Target) error {
	text, err := s.text(target.Dir)
	if err != nil {
		return err
	}
	env := maps.Clone(target.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, s.Env)
	for name := range env {
		if !settable(name) {
			return fmt.Errorf("%q can't be the name of an environment variable", name)
		}
	}
	output := tail.NewWriter(target.Output)
	err = target.Guest.Run(ctx, guest.Command{
		Argv:   []string{"sh", "-s"},
		Dir:    s.Dir,
		User:   s.User,
		Stdin:  bytes.NewReader(program(text, s.Args, env)),
		Stdout: output,
		Stderr: output,
	})
	if exit, ok := errors.AsType[*guest.ExitError](err); ok {
		named := *exit
		named.Argv = append([]string{s.name()}, s.Args...)
		return output.Annotate(&named)
	}
	return err
}

// text is the script as it is to run: with line ends that a shell understands.
func (s *Step) text(dir string) ([]byte, error) {
	if s.Path == "" {
		return unixLines([]byte(s.Inline)), nil
	}
	text, err := os.ReadFile(provisioners.HostPath(dir, s.Path))
	if err != nil {
		return nil, err
	}
	return unixLines(text), nil
}

// name is the script as errors call it.
func (s *Step) name() string {
	if s.Path != "" {
		return s.Path
	}
	return "inline script"
}

// settable says whether a shell can export a variable of this name.
func settable(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || '9' < r) {
			return false
		}
	}
	return name != ""
}
