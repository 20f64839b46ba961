package docker

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/moby/api/types/container"

	"github.com/colabo/colabo/providers"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRequest compares whole requests, hostile names included, and reads them back.
func TestRequest(t *testing.T) {
	hostile := "a&b \"c\" 'd' <e>\n$(id) Ünï/../x"
	specs := map[string]struct {
		spec  providers.Spec
		boots string
	}{
		"systemd": {providers.Spec{
			ID: providers.ID{Project: "4f2a", Machine: "dev"}, ProjectName: "funtime", ProjectDir: "/srv/funtime",
			Hostname: "funtime", CPUs: 2, Memory: 1 << 30, User: "colabo", Digest: "sha256:5",
			Image: providers.Image{Name: "debian-12", Digest: "sha256:b0"},
			Ports: []providers.Port{
				{Host: 8080, Guest: 80, Address: "127.0.0.1", Protocol: "tcp"}, {Host: 8443, Guest: 80},
				{Host: 5353, Guest: 53, Address: "::1", Protocol: "udp"},
			},
			Env:     map[string]string{"B": "2", "A": "1"},
			Options: &Options{Capabilities: []string{"SYS_ADMIN"}},
		}, initSystemd},
		"plain": {providers.Spec{
			ID: providers.ID{Project: "4f2a", Machine: "tiny"}, ProjectName: "funtime", Hostname: "tiny", CPUs: 64,
			Image: providers.Image{Reference: "scratch:1"},
		}, initStay},
		"hostile": {providers.Spec{
			ID: providers.ID{Project: hostile, Machine: hostile}, ProjectName: hostile, ProjectDir: hostile, Hostname: hostile,
			Digest: hostile, Image: providers.Image{Name: hostile, Digest: hostile}, Env: map[string]string{"E": hostile},
		}, initSystemd},
	}
	for name, test := range specs {
		t.Run(name, func(t *testing.T) {
			on := machinesNetwork{id: "n1", name: networkName(test.spec)}
			options, err := request(test.spec, prepared{id: "sha256:1111", init: test.boots}, on, hardware{cpus: 4, memory: 8 << 30})
			if err != nil {
				t.Fatal(err)
			}
			body := container.CreateRequest{
				Config: options.Config, HostConfig: options.HostConfig, NetworkingConfig: options.NetworkingConfig,
			}
			var got bytes.Buffer
			encoder := json.NewEncoder(&got)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(struct {
				Name string
				container.CreateRequest
			}{options.Name, body}); err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join("testdata", "request_"+name+".json"), got.Bytes())
			var back container.CreateRequest
			if err := json.Unmarshal(got.Bytes(), &back); err != nil {
				t.Fatal(err)
			}
			status := statusOf(container.Summary{Labels: back.Labels})
			if status.ID != test.spec.ID || status.ProjectDir != test.spec.ProjectDir ||
				status.Digest != test.spec.Digest || status.ImageDigest != test.spec.Image.Digest {
				t.Errorf("the labels tell %+v", status)
			}
		})
	}
}

func compareGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (run with -update and look at the difference):\n%s", file, got)
	}
}

// TestPublishRefuses: a port that the engine would read as something else is an error before anything is made.
func TestPublishRefuses(t *testing.T) {
	for name, port := range map[string]providers.Port{
		"guest 0":    {Host: 80},
		"too large":  {Host: 80, Guest: 65536},
		"host":       {Host: 70000, Guest: 80},
		"protocol":   {Host: 80, Guest: 80, Protocol: "sctp"},
		"address":    {Host: 80, Guest: 80, Address: "localhost"},
		"no address": {Host: 80, Guest: 80, Address: "1.2.3"},
	} {
		if _, _, err := publish([]providers.Port{port}); err == nil {
			t.Errorf("%s: published", name)
		}
	}
}

// TestNames: what the engine wants unique differs for different ids, and only has what the engine takes.
func TestNames(t *testing.T) {
	seen := map[string]providers.ID{}
	for _, id := range []providers.ID{
		{Project: "p", Machine: "a"}, {Project: "p", Machine: "A"}, {Project: "p", Machine: "a.b"}, {Project: "p", Machine: "a/b"},
		{Project: "p", Machine: "a_b"}, {Project: "p", Machine: "ä"}, {Project: "P", Machine: "a"}, {Project: "p p", Machine: "a"},
	} {
		got := containerName(providers.Spec{ID: id, ProjectName: "Fun & Time"})
		if other, taken := seen[got]; taken {
			t.Errorf("%v and %v are both %s", id, other, got)
		}
		seen[got] = id
	}
	if got := containerName(providers.Spec{ID: providers.ID{Project: "4f2a", Machine: "dev"}, ProjectName: "Fun & Time"}); got != "colabo-fun-time-dev-4f2a" {
		t.Errorf("got %s", got)
	}
	for text, want := range map[string]string{"web": "web", "web.example.org": "web.example.org", "-": "3973e022"} {
		if got := hostLabel(text); got != want {
			t.Errorf("%q: host name %q, want %q", text, got, want)
		}
	}
}
