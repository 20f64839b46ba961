// Package machinetest runs the provision steps against a real machine: a container that boots the box's own init, with
// the distribution's packages, on this host's container engine. It needs the network, for these packages.
//
// COLABO_TEST_BOX_ROOTFS names the box's rootfs.tar.zst; without it the tests are skipped, unless COLABO_REQUIRE has docker in it.
package machinetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/provisionertest"
)

// machine is a booted container of the box.
type machine struct {
	engine *client.Client
	id     string
	prefix string // of every name that the test makes
	guest  *countingGuest
}

// countingGuest counts the commands that steps run in the guest.
type countingGuest struct {
	guest.Guest
	runs atomic.Int32
}

func (g *countingGuest) Run(ctx context.Context, command guest.Command) error {
	g.runs.Add(1)
	return g.Guest.Run(ctx, command)
}

// TestOnAMachine boots one machine for all step types, because booting and importing the box take most of the time.
func TestOnAMachine(t *testing.T) {
	rootfs := os.Getenv("COLABO_TEST_BOX_ROOTFS")
	if rootfs == "" {
		if slices.Contains(strings.Split(os.Getenv("COLABO_REQUIRE"), ","), "docker") {
			t.Fatal("COLABO_REQUIRE asks for docker, but COLABO_TEST_BOX_ROOTFS names no box")
		}
		t.Skip("COLABO_TEST_BOX_ROOTFS names no box to boot")
	}
	m := boot(t, rootfs)
	t.Run("shell", m.testShell)
	t.Run("file", m.testFile)
	t.Run("postgres", m.testPostgres)
	t.Run("container", m.testContainer)
	t.Run("funtime", m.testFuntime)
}

// boot imports the box and starts a container of it; all is removed at the test's end.
func boot(t *testing.T, rootfs string) *machine {
	t.Helper()
	engine, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	m := &machine{engine: engine, prefix: "colabo-steps-" + strings.ToLower(rand.Text()[:8])}
	m.importBox(t, rootfs)
	created, err := engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name:   m.prefix,
		Config: &container.Config{Image: m.prefix, Cmd: []string{"/sbin/init"}, Env: []string{"container=docker"}},
		HostConfig: &container.HostConfig{
			Tmpfs:        map[string]string{"/run": "", "/run/lock": ""},
			Binds:        []string{"/sys/fs/cgroup:/sys/fs/cgroup:rw"},
			CgroupnsMode: container.CgroupnsModeHost,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.id = created.ID
	t.Cleanup(func() {
		remove := client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}
		if _, err := engine.ContainerRemove(context.Background(), m.id, remove); err != nil {
			t.Error(err)
		}
	})
	if _, err := engine.ContainerStart(t.Context(), m.id, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	m.guest = &countingGuest{Guest: dockerguest.New(engine, m.id, "root")}
	t.Cleanup(func() { _ = m.guest.Close() })
	m.must(t, "timeout", "60", "sh", "-c", `until systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; do sleep 0.1; done`)
	return m
}

func (m *machine) importBox(t *testing.T, rootfs string) {
	t.Helper()
	file, err := os.Open(rootfs)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := zstd.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	imported, err := m.engine.ImageImport(t.Context(), client.ImageImportSource{Source: text, SourceName: "-"}, m.prefix, client.ImageImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer imported.Close()
	t.Cleanup(func() {
		if _, err := m.engine.ImageRemove(context.Background(), m.prefix, client.ImageRemoveOptions{Force: true, PruneChildren: true}); err != nil {
			t.Error(err)
		}
	})
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(imported); err != nil || strings.Contains(answer.String(), `"error"`) {
		t.Fatalf("import %s: %v %s", rootfs, err, answer.String())
	}
}

// try runs a command in the machine as root and returns all that it printed.
func (m *machine) try(t *testing.T, argv ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := m.guest.Guest.Run(t.Context(), guest.Command{Argv: argv, User: "root", Stdout: &out, Stderr: &out})
	return strings.TrimSpace(out.String()), err
}

// must is try for commands that have to succeed.
func (m *machine) must(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := m.try(t, argv...)
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return out
}

// run runs a step and returns what it printed; it logs time and round trips.
func (m *machine) run(t *testing.T, step provisioners.Step, name, dir string) (string, error) {
	t.Helper()
	if problems := step.Validate(dir); len(problems) > 0 {
		t.Fatalf("the step is not valid: %v", problems)
	}
	var output bytes.Buffer
	target := provisionertest.Target(t, m.guest, dir, &output)
	target.Project, target.Step, target.User = m.prefix, name, "root"
	target.Containers = func(context.Context) (providers.ContainerEngine, error) {
		return m.containers(t), nil
	}
	begin, before := time.Now(), m.guest.runs.Load()
	err := step.Run(t.Context(), target)
	t.Logf("%T %s: %v, %d round trips", step, name, time.Since(begin).Round(time.Millisecond), m.guest.runs.Load()-before)
	return output.String(), err
}

// containers is the engine as the docker provider gives it: this host's, in the machine's network namespace.
func (m *machine) containers(t *testing.T) providers.ContainerEngine {
	t.Helper()
	return providers.ContainerEngine{
		Dial: func(ctx context.Context) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", strings.TrimPrefix(m.engine.DaemonHost(), "unix://"))
		},
		NetworkMode: "container:" + m.id,
		Labels:      map[string]string{"colabo.project": m.prefix, "colabo.machine": "dev"},
	}
}

// address is the machine's address on the container network.
func (m *machine) address(t *testing.T) string {
	t.Helper()
	inspected, err := m.engine.ContainerInspect(t.Context(), m.id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range inspected.Container.NetworkSettings.Networks {
		return network.IPAddress.String()
	}
	t.Fatal("the machine has no network")
	return ""
}

// writeFiles makes files in a new folder and returns it.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := fmt.Sprintf("%s/%s", dir, name)
		if i := strings.LastIndexByte(path, '/'); os.MkdirAll(path[:i], 0o755) != nil {
			t.Fatal("no folder for " + name)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
