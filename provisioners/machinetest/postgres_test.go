package machinetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/provisioners/postgres"
	"github.com/colabo/colabo/provisioners/provisionertest"
)

// query asks a database as its role, over TCP with its password.
func (m *machine) query(t *testing.T, step *postgres.Step, host, sql string) string {
	t.Helper()
	var out bytes.Buffer
	err := m.guest.Guest.Run(t.Context(), guest.Command{
		Argv:   []string{"psql", "-X", "-A", "-t", "-h", host, "-c", sql},
		Env:    map[string]string{"PGDATABASE": step.Database, "PGUSER": step.User, "PGPASSWORD": step.Password, "PGCONNECT_TIMEOUT": "10"},
		Stdout: &out, Stderr: &out,
	})
	if err != nil {
		return fmt.Sprintf("%v: %s", err, out.String())
	}
	return strings.TrimSpace(out.String())
}

// databases lists all that is not the server's own.
func (m *machine) databases(t *testing.T) string {
	t.Helper()
	return m.must(t, "runuser", "-u", "postgres", "--", "sh", "-c",
		`cd /; psql -XAt -c "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1') ORDER BY 1"`)
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const schemaSQL = "CREATE TABLE ride (id int PRIMARY KEY, name text NOT NULL);\nCREATE TABLE visit (ride int REFERENCES ride)" // no semicolon: the end of the file ends it

func rideSQL(rides int) string {
	var b strings.Builder
	b.WriteString("SET search_path = '';\nCOPY public.ride (id, name) FROM stdin;\n")
	for i := range rides {
		fmt.Fprintf(&b, "%d\tRide ; %d\n", i+1, i+1)
	}
	b.WriteString("\\.\n")
	return b.String()
}

func (m *machine) testPostgres(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"schema.sql":   schemaSQL,
		"rides.sql.gz": gzipped(t, rideSQL(1500)),
		"visits.sql":   "\uFEFFINSERT INTO visit SELECT id FROM ride;\r\n",
	})
	step := &postgres.Step{Database: `fun"time 'x`, User: `it's "me`, Password: `p'w"\d :x $1`, Seed: []string{"schema.sql", "rides.sql.gz", "visits.sql"}}
	expect := func(t *testing.T, sql, want string) {
		t.Helper()
		if got := m.query(t, step, "127.0.0.1", sql); got != want {
			t.Errorf("%s gave %q, want %q", sql, got, want)
		}
	}
	t.Run("first run installs and loads", func(t *testing.T) {
		if out, err := m.run(t, step, "db", dir); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		expect(t, "SELECT count(*) FROM visit JOIN ride ON id = ride", "1500")
		expect(t, "SHOW server_encoding", "UTF8")
		if got := m.query(t, step, m.address(t), "SELECT 1"); got != "1" {
			t.Errorf("over the machine's network: %s", got)
		}
		if got := m.must(t, "runuser", "-u", "postgres", "--", "psql", "-XAt", "-c", "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname LIKE 'it%'"); !strings.HasSuffix(got, "SCRAM-SHA-256$") {
			t.Errorf("the password is kept as %s", got)
		}
		if log := m.must(t, "sh", "-c", "cat /var/log/postgresql/*.log"); strings.Contains(log, "p'") || strings.Count(log, "starting PostgreSQL") != 1 {
			t.Errorf("the log has the password, or more than one start of the server:\n%s", log)
		}
	})
	t.Run("second run does nothing", func(t *testing.T) {
		expect(t, "INSERT INTO visit VALUES (1) RETURNING 'mine'", "mine\nINSERT 0 1")
		started := m.must(t, "stat", "-c", "%y", "/run/postgresql/15-main.pid")
		out, err := m.run(t, step, "db", dir)
		if err != nil || !strings.Contains(out, "has its seed already") {
			t.Errorf("%v\n%s", err, out)
		}
		expect(t, "SELECT count(*) FROM visit", "1501")
		if now := m.must(t, "stat", "-c", "%y", "/run/postgresql/15-main.pid"); now != started {
			t.Error("the server was restarted")
		}
	})
	t.Run("an error in a seed changes nothing", func(t *testing.T) { m.testBadSeeds(t, *step, expect) })
	t.Run("a load that is cut off changes nothing", func(t *testing.T) { m.testCutOff(t, *step, expect) })
	t.Run("a changed seed makes the database anew", func(t *testing.T) {
		if err := os.WriteFile(dir+"/rides.sql.gz", []byte(gzipped(t, rideSQL(1600))), 0o644); err != nil {
			t.Fatal(err)
		}
		sleeper := make(chan string)
		go func() { sleeper <- m.query(t, step, "127.0.0.1", "SELECT pg_sleep(600)") }()
		m.awaitSleeper(t)
		out, err := m.run(t, step, "db", dir)
		if err != nil || !strings.Contains(out, "made anew") || !strings.Contains(out, "sessions ended: 1;") {
			t.Errorf("%v\n%s", err, out)
		}
		if answer := <-sleeper; !strings.Contains(answer, "terminat") {
			t.Errorf("the open session was not ended: %s", answer)
		}
		expect(t, "SELECT count(*) FROM visit", "1600")
	})
	t.Run("nothing else is left", func(t *testing.T) {
		if got := m.databases(t); got != step.Database {
			t.Errorf("databases: %q", got)
		}
	})
	t.Run("a database without seeds, at another port", func(t *testing.T) {
		other := &postgres.Step{Database: "plain", User: "plain", Password: "plain", Port: 5433}
		for range 2 {
			if out, err := m.run(t, other, "plain", dir); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		if got := m.must(t, "env", "PGPASSWORD=plain", "psql", "-XAt", "-h", "127.0.0.1", "-p", "5433", "-U", "plain", "-c", "SELECT current_database()"); got != "plain" {
			t.Errorf("got %s", got)
		}
	})
}

// awaitSleeper waits until a session sleeps in the server.
func (m *machine) awaitSleeper(t *testing.T) {
	t.Helper()
	m.must(t, "timeout", "60", "sh", "-c", `cd /; until su postgres -c "psql -XAt -c \"SELECT 'found' FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%'\"" | grep -q found; do sleep 0.1; done`)
}

// testCutOff interrupts a load, as Ctrl-C does.
func (m *machine) testCutOff(t *testing.T, step postgres.Step, expect func(t *testing.T, sql, want string)) {
	dir := writeFiles(t, map[string]string{"schema.sql": schemaSQL, "slow.sql": "SELECT pg_sleep(600);\n"})
	step.Seed = []string{"schema.sql", "slow.sql"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- step.Run(ctx, provisionertest.Target(t, m.guest, dir, io.Discard)) }()
	m.awaitSleeper(t)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	expect(t, "SELECT count(*) FROM visit", "1501")
	step.Seed = nil
	if out, err := m.run(t, &step, "db", dir); err != nil {
		t.Errorf("the next run: %v\n%s", err, out)
	}
	if got := m.databases(t); got != step.Database {
		t.Errorf("databases: %q", got)
	}
}

// testBadSeeds loads seeds that can't be loaded; each error has its place, and the data from before stays.
func (m *machine) testBadSeeds(t *testing.T, step postgres.Step, expect func(t *testing.T, sql, want string)) {
	for name, test := range map[string]struct{ sql, want string }{
		"no such table":         {"INSERT INTO ride VALUES (1, 'x');\n\nINSERT INTO\n  nowhere VALUES (1)\n  ;\n", `bad.sql:4: ERROR:  relation "nowhere" does not exist`},
		"syntax":                {"SELECT 1;\nSELEC 2;\nSELECT 3;\n", `bad.sql:2: ERROR:  syntax error at or near "SELEC"`},
		"no semicolon":          {"SELECT 1;\nINSERT INTO nowhere VALUES (1)", `bad.sql:2: ERROR:  relation "nowhere" does not exist`},
		"constraint":            {"INSERT INTO ride VALUES (1, 'x');\nINSERT INTO ride VALUES (1, 'y');\n", `bad.sql:2: ERROR:  duplicate key`},
		"row of a COPY":         {"COPY ride FROM stdin;\n1\ta\nx\tb\n3\tc\n\\.\n", `bad.sql:3: ERROR:  invalid input syntax for type integer: "x"`},
		"psql command":          {"SELECT 1;\n\\nonsense\n", `bad.sql:2: error: invalid command \nonsense`},
		"COPY without end":      {"CREATE TABLE t (l text);\nCOPY t FROM stdin;\na\n", "its end did not reach"},
		"committed in between":  {"COMMIT;\nCREATE TABLE t (l text);\nSELECT 1/0;\n", `bad.sql:3: ERROR:  division by zero`},
		"quote without its end": {"INSERT INTO ride VALUES (1, 'x);\n", "open at the end of a seed"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeFiles(t, map[string]string{"schema.sql": schemaSQL, "bad.sql": test.sql, "more.sql": "SELECT 1;\n"})
			bad := step
			bad.Seed = []string{"schema.sql", "bad.sql", "more.sql"}
			out, err := m.run(t, &bad, "db", dir)
			if err == nil || !strings.Contains(err.Error(), test.want) || hint.Of(err) == "" {
				t.Errorf("got error %v with hint %q\nwant %s\noutput %s", err, hint.Of(err), test.want, out)
			}
			expect(t, "SELECT count(*) FROM visit", "1501")
			if got := m.databases(t); got != step.Database {
				t.Errorf("databases: %q", got)
			}
		})
	}
}
