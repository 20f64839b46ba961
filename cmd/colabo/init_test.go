package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/scaffold"
)

const composeFile = `
services:
  web:
    build: { context: web, dockerfile: Dockerfile.dev }
    image: shop-web
    ports: ["8080:80", "127.0.0.1:8443:443/tcp", { target: 9000 }]
    environment: [PORT=80, "TOKEN=${TOKEN}", 'QUOTE="a" # b']
    command: serve --port "$PORT"
    depends_on: { db: { condition: service_healthy } }
    healthcheck: { test: "true" }
  "db 1":
    image: postgres:15
    command: ["postgres", "-c", "fsync=off"]
    environment: { POSTGRES_PASSWORD: x, NUMBER: 5 }
    volumes: ["data:/var/lib/postgresql/data", "./init:/docker-entrypoint-initdb.d"]
    restart: always
volumes: { data: {} }
`

// TestInitWritesValidColabofiles: whatever init writes, validate takes.
func TestInitWritesValidColabofiles(t *testing.T) {
	for name, test := range map[string]struct {
		template string
		files    map[string]string
		want     []string // lines of the Colabofile
		left     []string
	}{
		"minimal in an empty folder": {},
		"minimal":                    {template: scaffold.Minimal, files: map[string]string{"compose.yaml": composeFile}},
		"postgres":                   {template: scaffold.Postgres},
		"Dockerfile": {
			files: map[string]string{"Dockerfile": "FROM scratch\nEXPOSE 8080 9090/tcp\nexpose 53/udp $PORT\n"},
			want:  []string{"build = '.'", "ports = ['8080', '9090']"},
		},
		"compose": {
			files: map[string]string{"compose.yaml": composeFile, "web/Dockerfile.dev": "FROM scratch\n"},
			want: []string{
				"name = 'db-1'", "build = { context = 'web', dockerfile = 'Dockerfile.dev' }", "ports = ['8080:80', '127.0.0.1:8443:443/tcp']",
				"command = ['sh', '-c', 'serve --port \"$PORT\"']", "volumes = ['data:/var/lib/postgresql/data']", "'TOKEN' = '$${TOKEN}'", "restart = 'always'",
			},
			left: []string{"service web: ports", "service web: environment TOKEN: compose would substitute what is in it; here it stays as it is", "service web: healthcheck", "service db 1: volumes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, test.files)
			draft, err := scaffold.Make(dir, test.template)
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, draft.Files)
			_, err = colabofile.Load(filepath.Join(dir, "Colabofile"), colabofile.Env{Providers: program().Providers, Steps: program().Steps})
			if err != nil {
				t.Errorf("%v\n%s", err, draft.Files["Colabofile"])
			}
			lines := strings.Split(draft.Files["Colabofile"], "\n")
			for _, want := range test.want {
				if !slices.Contains(lines, want) {
					t.Errorf("there is no line %s in\n%s", want, draft.Files["Colabofile"])
				}
			}
			if !slices.Equal(draft.Left, test.left) {
				t.Errorf("not carried over: %q, want %q", draft.Left, test.left)
			}
		})
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBrokenComposeFiles: an error says what is wrong, and nothing is drafted.
func TestBrokenComposeFiles(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML": "services: [", "no services": "version: '3'\n", "a list": "services: []\n", "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"docker-compose.yml": text})
			if draft, err := scaffold.Make(dir, ""); err == nil || !strings.Contains(err.Error(), "docker-compose.yml") {
				t.Errorf("drafted %v (%v)", draft, err)
			}
		})
	}
}
