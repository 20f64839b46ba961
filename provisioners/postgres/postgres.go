// Package postgres is the provision step that gives a machine a PostgreSQL database with its data.
//
// The server comes from the distribution (installed when it is missing) and is started at boot. It listens on all of the
// machine's addresses, so that a port published by a container engine reaches it, and lets the machine's own networks in
// with a password (SCRAM); all else in the server's configuration is the distribution's.
//
// The role may log in and owns the database. Seeds are loaded as that role (a seed that needs the superuser says
// RESET ROLE), in the order of the list, by psql in one transaction. They go into a database of their own, which takes the
// place of the real one only when all of it is in: a seed with an error changes nothing, and neither does a connection
// that breaks. Which seeds a database came from is kept in its comment, so seeds are loaded again only when one changed;
// then the database is made anew, sessions on it are ended, and rows that did not come from the seeds are gone.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/colabo/colabo/provisioners"
)

const defaultPort = 5432

// Step is one [[machine.X.provision]] of type "postgres".
type Step struct {
	Database string   `toml:"database" doc:"the database to have"`
	User     string   `toml:"user" doc:"the role that owns it; default: the database's name"`
	Password string   `toml:"password" doc:"the role's password; without one nobody can log in over the network"`
	Port     int      `toml:"port" default:"5432" doc:"the server's port in the machine; one server serves all steps of a machine"`
	Version  int      `toml:"version" doc:"the server's major version; default: the distribution's, or the one that is installed"`
	Seed     []string `toml:"seed" doc:"SQL files on the host, plain or gzipped, that make the database's content"`
}

// Kind returns the step type "postgres".
func Kind() provisioners.Kind {
	return provisioners.Kind{Type: "postgres", New: func() provisioners.Step { return &Step{Port: defaultPort} }}
}

// Validate checks the names and that the seeds can be read.
func (s *Step) Validate(dir string) []provisioners.Problem {
	var problems []provisioners.Problem
	add := func(key, format string, args ...any) {
		problems = append(problems, provisioners.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	switch s.Database {
	case "":
		add("database", "a postgres step needs a database")
	case "postgres", "template0", "template1":
		add("database", "%s belongs to the server itself; choose another name", s.Database)
	}
	if text := nameProblem(s.Database); text != "" {
		add("database", "%s", text)
	}
	if text := nameProblem(s.User); text != "" {
		add("user", "%s", text)
	}
	if role := s.role(); strings.HasPrefix(role, "pg_") || role == "public" || role == "none" {
		add("user", "the role name %s is reserved by PostgreSQL", role)
	}
	if strings.ContainsRune(s.Password, 0) {
		add("password", "a password can't contain a NUL character")
	}
	if s.Port < 0 || s.Port > 65535 {
		add("port", "%d is not a port", s.Port)
	}
	if s.Version < 0 {
		add("version", "%d is not a version", s.Version)
	}
	for i, name := range s.Seed {
		key := fmt.Sprintf("seed[%d]", i)
		info, err := os.Stat(provisioners.HostPath(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			add(key, "no such file: %s", name)
		case err != nil:
			add(key, "%s", err)
		case !info.Mode().IsRegular():
			add(key, "%s is not a file", name)
		}
	}
	return problems
}

// nameProblem says what is wrong with the name of a role or database, or "". The server would cut a longer one in silence.
func nameProblem(name string) string {
	switch {
	case len(name) > 63:
		return "PostgreSQL's names have at most 63 bytes"
	case strings.ContainsRune(name, 0):
		return "a name can't contain a NUL character"
	}
	return ""
}

// Files lists the seeds.
func (s *Step) Files(dir string) ([]string, error) {
	files := make([]string, len(s.Seed))
	for i, name := range s.Seed {
		files[i] = provisioners.HostPath(dir, name)
	}
	return files, nil
}

// Run brings up server, role and database and loads the seeds where the database does not have them yet: one round trip,
// or two with a load. An error in a seed names its file and line and leaves the database as it was.
func (s *Step) Run(ctx context.Context, target provisioners.Target) error {
	seeds := seedsOf(target.Dir, s.Seed)
	marker, err := seeds.marker(s.role())
	if err != nil {
		return err
	}
	target.Progress("PostgreSQL: server, role " + s.role())
	current, err := s.ensure(ctx, target)
	if err != nil || len(seeds) == 0 {
		return err
	}
	if current == marker {
		say(target, "database %s has its seed already", s.Database)
		return nil
	}
	target.Progress("PostgreSQL: loading " + strings.Join(s.Seed, ", "))
	return s.load(ctx, target, seeds, marker)
}

// role is the role that owns the database.
func (s *Step) role() string {
	if s.User == "" {
		return s.Database
	}
	return s.User
}

// port is the server's port in the machine.
func (s *Step) port() int {
	if s.Port == 0 {
		return defaultPort
	}
	return s.Port
}

// say tells the user one thing that happened. That it can't be written is no reason to fail.
func say(target provisioners.Target, format string, args ...any) {
	_, _ = fmt.Fprintf(target.Output, format+"\n", args...)
}
