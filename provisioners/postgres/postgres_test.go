package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/provisioners/postgres"
	"github.com/colabo/colabo/provisioners/provisionertest"
)

// server is a guest with a PostgreSQL: it remembers the marker of its database, and fails where psql would read fails.
type server struct {
	guest.Guest
	marker   string
	commands []guest.Command
	sql      []string // what each command read
	fails    string   // a line of SQL that is an error
}

func (s *server) Run(_ context.Context, command guest.Command) error {
	text, err := io.ReadAll(command.Stdin)
	if err != nil {
		return err
	}
	s.commands, s.sql = append(s.commands, command), append(s.sql, string(text))
	if len(s.commands)%2 == 1 {
		_, err := fmt.Fprintln(command.Stdout, s.marker)
		return err
	}
	for i, line := range strings.Split(string(text), "\n") {
		if s.fails != "" && line == s.fails {
			fmt.Fprintf(command.Stderr, "psql:<stdin>:%d: NOTICE:  soon\npsql:<stdin>:%d: ERR", i, i+1)
			fmt.Fprintf(command.Stderr, "OR:  no such thing\nLINE 1: %s\n        ^\n", line)
			return &guest.ExitError{Argv: command.Argv, Code: 3}
		}
	}
	s.marker = command.Argv[len(command.Argv)-1]
	_, err = fmt.Fprintln(command.Stdout, "made")
	return err
}

func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSeedsAreLoadedOnce(t *testing.T) {
	dir := project(t, map[string]string{"a.sql": "CREATE TABLE a (i int)", "b.sql": "COPY a FROM stdin;\n1\n\\.\n\n-- done\n"})
	step := &postgres.Step{Database: "funtime", Password: "pw", Seed: []string{"a.sql", "b.sql"}}
	g, output := &server{}, &bytes.Buffer{}
	if err := step.Run(t.Context(), provisionertest.Target(t, g, dir, output)); err != nil {
		t.Fatal(err)
	}
	want := "CREATE TABLE a (i int)\n;\nRESET ALL;\nCOPY a FROM stdin;\n1\n\\.\n\n-- done\n\nRESET ALL;\nRESET SESSION AUTHORIZATION;\n"
	if len(g.sql) != 2 || !strings.HasPrefix(g.sql[1], want) {
		t.Fatalf("psql reads %q, want it to start with %q", g.sql, want)
	}
	g.commands = nil
	if err := step.Run(t.Context(), provisionertest.Target(t, g, dir, output)); err != nil || len(g.commands) != 1 {
		t.Errorf("with the seed in place: %v, %d round trips, want 1", err, len(g.commands))
	}
	if err := os.WriteFile(dir+"/b.sql", []byte("SELECT 2;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.commands = nil
	if err := step.Run(t.Context(), provisionertest.Target(t, g, dir, output)); err != nil || len(g.commands) != 2 {
		t.Errorf("with an edited seed: %v, %d round trips, want 2", err, len(g.commands))
	}
}

func TestAnErrorHasTheSeedsFileAndLine(t *testing.T) {
	dir := project(t, map[string]string{"a.sql": "SELECT 1;\nSELECT 2;", "b.sql": "SELECT 3;\n\nSELEC 4;\nSELECT 5;\n"})
	step := &postgres.Step{Database: "funtime", Seed: []string{"a.sql", "b.sql"}}
	var output bytes.Buffer
	err := step.Run(t.Context(), provisionertest.Target(t, &server{fails: "SELEC 4;"}, dir, &output))
	if want := "b.sql:3: ERROR:  no such thing\nLINE 1: SELEC 4;\n        ^"; err == nil || err.Error() != want || hint.Of(err) == "" {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if want := "b.sql:2: NOTICE:  soon\n"; output.String() != want {
		t.Errorf("printed %q, want %q", output.String(), want)
	}
}

func TestASeedThatCannotBeReadIsTheError(t *testing.T) {
	dir := project(t, map[string]string{"a.sql": "SELECT 1;\n", "b.sql.gz": "\x1f\x8bnot really"})
	step := &postgres.Step{Database: "funtime", Seed: []string{"a.sql", "b.sql.gz"}}
	err := step.Run(t.Context(), provisionertest.Target(t, &server{}, dir, io.Discard))
	if err == nil || !strings.Contains(err.Error(), "read b.sql.gz") {
		t.Errorf("got %v", err)
	}
}

func TestHostileNames(t *testing.T) {
	step := &postgres.Step{Database: `a"; DROP ROLE x; --`, User: `it's :me`, Password: "p'w\\\n:x"}
	g := &server{}
	if err := step.Run(t.Context(), provisionertest.Target(t, g, t.TempDir(), io.Discard)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ALTER ROLE \"it's :me\" LOGIN PASSWORD 'p''w\\\n:x';\n",
		`datname = 'a"; DROP ROLE x; --'`,
		`WHERE rolname = 'it''s :me'`,
	} {
		if !strings.Contains(g.sql[0], want) {
			t.Errorf("no %q in\n%s", want, g.sql[0])
		}
	}
	if argv := strings.Join(g.commands[0].Argv, " "); strings.Contains(argv, "p'w") {
		t.Error("the password is in the list of processes")
	}
}

func TestASetUpThatFailsShowsTheEndOfItsOutput(t *testing.T) {
	g := failing{err: &guest.ExitError{Argv: []string{"sh"}, Code: 100}}
	err := (&postgres.Step{Database: "funtime"}).Run(t.Context(), provisionertest.Target(t, g, t.TempDir(), io.Discard))
	exit, ok := errors.AsType[*guest.ExitError](err)
	if !ok || exit.Code != 100 || err.Error() != "set up PostgreSQL: exit status 100; its output ends with:\n  E: no network" {
		t.Errorf("got %v", err)
	}
}

// failing is a guest whose every command fails.
type failing struct {
	guest.Guest
	err error
}

func (f failing) Run(_ context.Context, command guest.Command) error {
	_, _ = io.WriteString(command.Stderr, "E: no network\n")
	return f.err
}

func TestValidate(t *testing.T) {
	dir := project(t, map[string]string{"a.sql": ""})
	for name, test := range map[string]struct {
		step postgres.Step
		keys []string
	}{
		"nothing":     {postgres.Step{}, []string{"database"}},
		"seeds":       {postgres.Step{Database: "x", Seed: []string{"a.sql", "b.sql", "."}}, []string{"seed[1]", "seed[2]"}},
		"long":        {postgres.Step{Database: strings.Repeat("x", 64), User: "x"}, []string{"database"}},
		"own":         {postgres.Step{Database: "postgres"}, []string{"database"}},
		"reserved":    {postgres.Step{Database: "x", User: "pg_x"}, []string{"user"}},
		"port":        {postgres.Step{Database: "x", Port: 70000}, []string{"port"}},
		"all is fine": {postgres.Step{Database: "it's", User: "x", Port: 5432, Version: 15, Seed: []string{"a.sql"}}, nil},
	} {
		var keys []string
		for _, problem := range test.step.Validate(dir) {
			keys = append(keys, problem.Key)
		}
		if !slices.Equal(keys, test.keys) {
			t.Errorf("%s: problems with %q, want %q", name, keys, test.keys)
		}
	}
}
