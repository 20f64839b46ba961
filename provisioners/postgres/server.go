package postgres

import (
	"bytes"
	"context"
	_ "embed" // for the script
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/apt"
	"github.com/colabo/colabo/provisioners/tail"
)

//go:embed ensure.sh
var ensureScript string

// ensure installs, configures and starts the server and makes the role; without seeds also the database. It returns the
// database's marker, "" where there is no database or it has none. One round trip.
func (s *Step) ensure(ctx context.Context, target provisioners.Target) (string, error) {
	version := ""
	if s.Version != 0 {
		version = strconv.Itoa(s.Version)
	}
	var answer bytes.Buffer
	output := tail.NewWriter(target.Output)
	err := target.Guest.Run(ctx, guest.Command{
		Argv:   []string{"sh", "-c", apt.Function + ensureScript, "colabo-postgres", strconv.Itoa(s.port()), version},
		User:   "root",
		Stdin:  strings.NewReader(s.ensureSQL()),
		Stdout: &answer,
		Stderr: output,
	})
	if exit, ok := errors.AsType[*guest.ExitError](err); ok {
		named := *exit
		named.Argv = []string{"set up PostgreSQL"}
		return "", output.Annotate(&named)
	}
	return strings.TrimSpace(answer.String()), err
}

// ensureSQL is what psql is given as the superuser. The password travels here, and the server is told not to log it.
func (s *Step) ensureSQL() string {
	name, role := literal(s.Database), literal(s.role())
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`SET standard_conforming_strings = on;`)
	line(`SET log_statement = 'none'; SET log_min_error_statement = 'panic'; SET log_min_duration_statement = -1;`)
	line(`SET password_encryption = 'scram-sha-256';`)
	line(`SELECT pg_reload_conf() AS reloaded \gset`)
	// What a load that was cut off left behind; if it goes on still, this ends it.
	line(`SELECT format('DROP DATABASE IF EXISTS %%I WITH (FORCE)', datname) FROM pg_database WHERE datname IN (%s, %s) \gexec`,
		literal(s.newDatabase()), literal(s.oldDatabase()))
	line(`SELECT format('CREATE ROLE %%I', %s) WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %[1]s) \gexec`, role)
	line(`ALTER ROLE %s LOGIN PASSWORD %s;`, identifier(s.role()), password(s.Password))
	if len(s.Seed) == 0 {
		line(`SELECT format('CREATE DATABASE %%I OWNER %%I TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8''', %s, %s) `+
			`WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = %[1]s) \gexec`, name, role)
	}
	line(`SELECT format('ALTER DATABASE %%I OWNER TO %%I', datname, %s) FROM pg_database WHERE datname = %s AND pg_get_userbyid(datdba) <> %[1]s \gexec`,
		role, name)
	line(`SELECT format('ALTER DATABASE %%I WITH ALLOW_CONNECTIONS true', datname) FROM pg_database WHERE datname = %s AND NOT datallowconn \gexec`, name)
	line(`SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s;`, name)
	return b.String()
}

// password is the SQL for a role's password.
func password(text string) string {
	if text == "" {
		return "NULL"
	}
	return literal(text)
}

// identifier quotes a name for SQL, whatever is in it but NUL.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text for SQL where standard_conforming_strings is on, whatever is in it but NUL.
func literal(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
