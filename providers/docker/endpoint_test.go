package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

// TestEndpoint: which engine is meant, in the order in which they win.
func TestEndpoint(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("DOCKER_CONFIG", folder)
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION"} {
		t.Setenv(name, "")
	}
	want := func(t *testing.T, configured, host string) {
		t.Helper()
		options, err := endpoint(configured)
		if err != nil {
			t.Fatal(err)
		}
		engine, err := client.New(options...)
		if err != nil {
			t.Fatal(err)
		}
		if engine.DaemonHost() != host {
			t.Errorf("the engine is %s, want %s", engine.DaemonHost(), host)
		}
	}
	want(t, "", client.DefaultDockerHost)
	writeContext(t, folder, "far away", `{"Endpoints":{"docker":{"Host":"tcp://10.0.0.1:2375"}}}`)
	writeContext(t, folder, "hollow", `{"Endpoints":{}}`)
	writeFile(t, filepath.Join(folder, "config.json"), `{"currentContext":"far away"}`)
	want(t, "", "tcp://10.0.0.1:2375")
	t.Setenv("DOCKER_CONTEXT", "default")
	want(t, "", client.DefaultDockerHost)
	t.Setenv("DOCKER_HOST", "unix:///run/other.sock")
	want(t, "", "unix:///run/other.sock")
	want(t, "unix:///run/mine.sock", "unix:///run/mine.sock")
	for name, broken := range map[string]func(t *testing.T){
		"hollow context":  func(t *testing.T) { t.Setenv("DOCKER_CONTEXT", "hollow") },
		"missing context": func(t *testing.T) { t.Setenv("DOCKER_CONTEXT", "none") },
		"broken settings": func(t *testing.T) {
			t.Setenv("DOCKER_CONTEXT", "")
			writeFile(t, filepath.Join(folder, "config.json"), `{`)
		},
		"ssh": func(t *testing.T) { t.Setenv("DOCKER_HOST", "ssh://far") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", "")
			broken(t)
			if _, err := endpoint(""); err == nil {
				t.Error("no error")
			}
		})
	}
}

func writeContext(t *testing.T, folder, name, meta string) {
	t.Helper()
	sum := sha256.Sum256([]byte(name))
	writeFile(t, filepath.Join(folder, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"), meta)
}

func writeFile(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestValidate: what is wrong in the blocks is found before anything is made.
func TestValidate(t *testing.T) {
	for host, problems := range map[string]int{"": 0, "unix:///run/docker.sock": 0, "tcp://h:1": 0, "docker.sock": 1} {
		if got := (&Settings{Host: host}).Validate(); len(got) != problems {
			t.Errorf("host %q: %v", host, got)
		}
	}
	options := &Options{Capabilities: []string{"SYS_ADMIN", "CAP_NET_ADMIN", "sys_ptrace", "SYS ADMIN", "", "SYS_ADMIN"}}
	var keys []string
	for _, problem := range options.Validate() {
		keys = append(keys, problem.Key)
	}
	if got := strings.Join(keys, " "); got != "capabilities[3] capabilities[4] capabilities[5]" {
		t.Errorf("problems at %s", got)
	}
}
