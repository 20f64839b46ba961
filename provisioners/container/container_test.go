package container_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners/container"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFiles(t *testing.T) {
	dir := write(t, map[string]string{
		"api/Dockerfile": "FROM scratch", "api/.dockerignore": "*\n!bin\n!doc/keep.md\n", "api/main.go": "", "api/bin/api": "", "api/.git/HEAD": "",
		"api/doc/keep.md": "", "api/doc/drop.md": "",
	})
	for name, test := range map[string]struct {
		build container.Build
		want  []string
	}{
		"as sent":      {container.Build{Context: "api"}, []string{".dockerignore", "Dockerfile", "bin/api", "doc/keep.md"}},
		"with prepare": {container.Build{Context: "api", Prepare: []string{"make"}, Outputs: []string{"bin"}}, []string{".dockerignore", "Dockerfile", "doc/drop.md", "doc/keep.md", "main.go"}},
	} {
		files, err := (&container.Step{Build: test.build}).Files(dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, file := range files {
			relative, err := filepath.Rel(filepath.Join(dir, "api"), file)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, relative)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestBuildUnmarshalTOML(t *testing.T) {
	for text, want := range map[string]container.Build{
		`"api"`: {Context: "api"},
		`{"context": "api", "dockerfile": "D", "target": "t", "args": {"A": "b"}, "prepare": "make x", "outputs": ["bin"]}`: {
			Context: "api", Dockerfile: "D", Target: "t", Args: map[string]string{"A": "b"},
			Prepare: container.HostCommand{"sh", "-c", "make x"}, Outputs: []string{"bin"},
		},
		`{"context": "api", "prepare": ["make", "a b"]}`: {Context: "api", Prepare: container.HostCommand{"make", "a b"}},
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		var got container.Build
		if err := got.UnmarshalTOML(value); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, value := range []any{int64(1), map[string]any{"contxt": "api"}, map[string]any{"args": map[string]any{"A": int64(1)}}, map[string]any{"outputs": "bin"}} {
		if err := new(container.Build).UnmarshalTOML(value); err == nil {
			t.Errorf("%v is taken", value)
		}
	}
}

func TestPublishedPorts(t *testing.T) {
	step := &container.Step{Ports: []string{"8081:81", "nonsense", "53/udp"}}
	want := []providers.Port{
		{Host: 8081, Guest: 81, Address: "127.0.0.1", Protocol: "tcp"},
		{Host: 53, Guest: 53, Address: "127.0.0.1", Protocol: "udp"},
	}
	if got := step.PublishedPorts(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestValidate(t *testing.T) {
	dir := write(t, map[string]string{"api/Dockerfile": "FROM scratch", "empty/x": "", "api.tar": ""})
	built := container.Build{Context: "api", Dockerfile: "Dockerfile"}
	for name, test := range map[string]struct {
		step container.Step
		keys []string
	}{
		"nothing":            {container.Step{Build: container.Build{Dockerfile: "Dockerfile"}}, []string{"image"}},
		"two":                {container.Step{Image: "x", Build: built}, []string{"image"}},
		"image":              {container.Step{Image: "UPPER:x:y"}, []string{"image"}},
		"archive missing":    {container.Step{Archive: "web.tar"}, []string{"archive"}},
		"archive folder":     {container.Step{Archive: "api"}, []string{"archive"}},
		"context missing":    {container.Step{Build: container.Build{Context: "web"}}, []string{"build"}},
		"no Dockerfile":      {container.Step{Build: container.Build{Context: "empty"}}, []string{"build"}},
		"Dockerfile outside": {container.Step{Build: container.Build{Context: "api", Dockerfile: "../D"}}, []string{"build.dockerfile"}},
		"outputs":            {container.Step{Build: container.Build{Context: "api", Outputs: []string{"x"}}}, []string{"build.outputs"}},
		"no context":         {container.Step{Image: "x", Build: container.Build{Target: "y"}}, []string{"build.context"}},
		"ports and volumes":  {container.Step{Image: "x", Ports: []string{"1:2", "x"}, Volumes: []string{"a:/b", "/a:/b", "a:b"}}, []string{"ports[1]", "volumes[1]", "volumes[2]"}},
		"env and restart":    {container.Step{Image: "x", Env: map[string]string{"A=B": ""}, Restart: "often"}, []string{"env", "restart"}},
		"all that is fine":   {container.Step{Build: built, Restart: "always", Ports: []string{"8080:80"}}, nil},
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
