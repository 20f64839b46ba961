// Package scaffold makes the first Colabofile of a project: from a template, or from a compose file or a Dockerfile that
// stands there. It makes texts, and writes no files.
package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// The templates.
const (
	Minimal  = "minimal"
	Postgres = "postgres"
	Compose  = "compose"
)

// Templates are the names that Make takes.
func Templates() []string { return []string{Minimal, Postgres, Compose} }

// Draft is what a project gets.
type Draft struct {
	Template string
	// Files are contents by path, relative to the project's folder; the Colabofile is one of them.
	Files map[string]string
	// Left is what could not be carried over, a line each: "service web: healthcheck".
	Left []string
}

// ErrUnknownTemplate is wrapped where there is no template of a name.
var ErrUnknownTemplate = errors.New("no such template")

// Make drafts a project in a folder. template "" is chosen by what stands there: a compose file, a Dockerfile, else the minimal one.
func Make(dir, template string) (Draft, error) {
	composeFile, err := findCompose(dir)
	if err != nil {
		return Draft{}, err
	}
	switch {
	case template == Compose && composeFile == "":
		return Draft{}, fmt.Errorf("no compose file in %s: there is none of %s", dir, strings.Join(composeNames(), ", "))
	case template == Compose, template == "" && composeFile != "":
		return fromCompose(dir, composeFile)
	case template == "":
		return fromDockerfile(dir)
	case template == Minimal:
		return Draft{Template: Minimal, Files: map[string]string{"Colabofile": minimal}}, nil
	case template == Postgres:
		return Draft{Template: Postgres, Files: map[string]string{
			"Colabofile": postgres, "db/schema.sql": postgresSchema, "db/seed.sql": postgresSeed,
		}}, nil
	}
	return Draft{}, fmt.Errorf("template %q: %w; there are %s", template, ErrUnknownTemplate, strings.Join(Templates(), ", "))
}

const header = `# What this project's development environment is made of.
#
#   colabo up         make it, or bring it up to date
#   colabo ssh        a shell in the machine
#   colabo destroy    remove all of it
`

const minimal = header + `
[machine.dev]
# cpus = 2
# memory = "2GiB"
# ports = ["8080:80"]             # http://localhost:8080 is port 80 of the machine

# Steps run once, and again when their inputs change.
# [[machine.dev.provision]]
# type = "shell"
# inline = "apt-get update && apt-get install -y nginx"

# ` + "`colabo up`" + ` ends when all checks pass.
# [[machine.dev.check]]
# http = "http://127.0.0.1:80/"
`

const postgres = header + `
[machine.dev]
ports = ["15432:5432"]
message = "psql postgres://app:app@localhost:15432/app"

# An edited seed makes the database anew.
[[machine.dev.provision]]
type = "postgres"
name = "db"
database = "app"
user = "app"
password = "app"
seed = ["db/schema.sql", "db/seed.sql"]

[[machine.dev.check]]
tcp = "127.0.0.1:5432"
`

const postgresSchema = `CREATE TABLE greeting (
    id   integer PRIMARY KEY,
    text text NOT NULL
);
`

const postgresSeed = `INSERT INTO greeting (id, text) VALUES
    (1, 'hello'),
    (2, 'good morning');
`

// fromDockerfile drafts a machine with one app container where a Dockerfile stands, else the minimal one.
func fromDockerfile(dir string) (Draft, error) {
	data, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if errors.Is(err, fs.ErrNotExist) {
		return Make(dir, Minimal)
	}
	if err != nil {
		return Draft{}, fmt.Errorf("read the Dockerfile: %w", err)
	}
	var ports []string
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.EqualFold(fields[0], "EXPOSE") {
			continue
		}
		for _, port := range fields[1:] {
			number, protocol, _ := strings.Cut(port, "/")
			if strings.Trim(number, "0123456789") == "" && (protocol == "" || protocol == "tcp") && !slices.Contains(ports, number) {
				ports = append(ports, number)
			}
		}
	}
	var text strings.Builder
	text.WriteString(header + "\n[machine.dev]\n")
	writeStep(&text, service{name: "app", build: ".", ports: ports})
	return Draft{Template: "Dockerfile", Files: map[string]string{"Colabofile": text.String()}}, nil
}

// service is an app container.
type service struct {
	name, image, build, dockerfile string
	entrypoint, command            []string
	env                            [][2]string
	ports, volumes                 []string
	restart, user                  string
}

// writeStep writes a service as a step.
func writeStep(text *strings.Builder, s service) {
	text.WriteString("\n[[machine.dev.provision]]\ntype = \"container\"\n")
	set := func(key, value string) {
		if value != "" {
			fmt.Fprintf(text, "%s = %s\n", key, quote(value))
		}
	}
	setList := func(key string, values []string) {
		if len(values) > 0 {
			quoted := make([]string, 0, len(values))
			for _, value := range values {
				quoted = append(quoted, quote(value))
			}
			fmt.Fprintf(text, "%s = [%s]\n", key, strings.Join(quoted, ", "))
		}
	}
	set("name", s.name)
	set("image", s.image)
	switch {
	case s.build != "" && s.dockerfile != "":
		fmt.Fprintf(text, "build = { context = %s, dockerfile = %s }\n", quote(s.build), quote(s.dockerfile))
	default:
		set("build", s.build)
	}
	setList("entrypoint", s.entrypoint)
	setList("command", s.command)
	setList("ports", s.ports)
	setList("volumes", s.volumes)
	set("restart", s.restart)
	set("user", s.user)
	if len(s.env) > 0 {
		text.WriteString("[machine.dev.provision.env]\n")
		for _, pair := range s.env {
			fmt.Fprintf(text, "%s = %s\n", quote(pair[0]), quote(pair[1]))
		}
	}
}

// quote is a text as a TOML string, in which nothing is a reference.
func quote(text string) string {
	encoded, err := toml.Marshal(map[string]string{"x": strings.ReplaceAll(text, "${", "$${")})
	if err != nil {
		return `""` // a string always can be
	}
	return strings.TrimSpace(strings.TrimPrefix(string(encoded), "x = "))
}
