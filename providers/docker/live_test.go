package docker_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/hostport"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/docker"
)

// live is a provider on the tests' engine with a small box, and a project that is purged when the test ends.
type live struct {
	*docker.Provider
	engine  *client.Client
	image   providers.Image
	project string
}

func newLive(t *testing.T) *live {
	t.Helper()
	engine := dockertest.Engine(t)
	l := &live{Provider: open(t), engine: engine, image: toolsBox(t), project: dockertest.Unique("live")}
	t.Cleanup(func() {
		if err := l.RemoveImage(context.Background(), l.image.Digest); err != nil {
			t.Errorf("remove the test's box: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := l.Purge(context.Background(), l.project); err != nil {
			t.Errorf("Purge: %v", err)
		}
	})
	return l
}

// spec is a small machine.
func (l *live) spec(machine string) providers.Spec {
	return providers.Spec{
		ID: providers.ID{Project: l.project, Machine: machine}, ProjectName: "live", ProjectDir: "/srv/live",
		Hostname: machine + "-host", Image: l.image, User: "colabo",
	}
}

// up makes and starts a machine, and returns its guest.
func (l *live) up(t *testing.T, spec providers.Spec) guest.Guest {
	t.Helper()
	must(t, l.Create(t.Context(), spec, func(text string) { t.Log(text) }))
	must(t, l.Start(t.Context(), spec.ID))
	g, err := l.OpenGuest(t.Context(), spec.ID, spec.User)
	must(t, err)
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// output is what a command prints; its failure ends the test.
func output(t *testing.T, g guest.Guest, argv ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if err := g.Run(t.Context(), guest.Command{Argv: argv, Stdout: &out, Stderr: &errOut}); err != nil {
		t.Fatalf("%v: %v %s", argv, err, errOut.String())
	}
	return strings.TrimSpace(out.String())
}

// TestMachine: what a Spec asks for is so inside: user, limits, environment, host name, names of the other machines.
func TestMachine(t *testing.T) {
	l := newLive(t)
	spec := l.spec("web")
	spec.CPUs, spec.Memory, spec.Env = 1, 256<<20, map[string]string{"APP_ENV": "a 'b'"}
	g := l.up(t, spec)
	db := l.spec("db")
	l.up(t, db)
	for _, test := range []struct {
		name string
		argv []string
		want string
	}{
		{"user", []string{"sh", "-c", `echo "$(id -un) $HOME $(stat -c '%U %a' "$HOME/.profile")"`}, "colabo /home/colabo colabo 644"},
		{"environment", []string{"sh", "-c", `echo "$APP_ENV"`}, "a 'b'"},
		{"memory", []string{"sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"}, "268435456"},
		{"cpus", []string{"sh", "-c", "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || head -c 6 /sys/fs/cgroup/cpu.max"}, "100000"},
		{"sudoers", []string{"stat", "-c", "%a %u", "/etc/sudoers.d"}, "750 0"},
	} {
		if got := output(t, g, test.argv...); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	status, err := l.Inspect(t.Context(), db.ID)
	must(t, err)
	for _, alias := range []string{"db", "db-host"} {
		const resolve = `my $a = gethostbyname(shift) or die "unknown\n"; print join ".", unpack "C4", $a`
		if got := output(t, g, "perl", "-e", resolve, "--", alias); got != status.Address {
			t.Errorf("%s is %s, want %s", alias, got, status.Address)
		}
	}
}

// TestPortBusy: a port that a process or another machine has is named when the machine is started, and the machine can
// be started once it is free.
func TestPortBusy(t *testing.T) {
	l := newLive(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	first, second := l.spec("first"), l.spec("second")
	first.Ports = []providers.Port{{Host: port, Guest: 80, Address: "127.0.0.1", Protocol: "tcp"}}
	second.Ports = first.Ports
	for _, spec := range []providers.Spec{first, second} {
		must(t, l.Create(t.Context(), spec, func(string) {}))
	}
	wantBusy := func(id providers.ID, owner string) {
		t.Helper()
		err := l.Start(t.Context(), id)
		busy, ok := errors.AsType[*hostport.BusyError](err)
		if !ok || busy.Address != listener.Addr().String() || !strings.Contains(busy.Owner, owner) || hint.Of(err) == "" {
			t.Errorf("got %v, hint %q", err, hint.Of(err))
		}
	}
	wantBusy(first.ID, "")
	must(t, listener.Close())
	must(t, l.Start(t.Context(), first.ID))
	status, err := l.Inspect(t.Context(), first.ID)
	must(t, err)
	wantBusy(second.ID, status.Ref)
}

// TestAppContainers: app containers share the machine's network, stop, start and go with it, and take their volumes and
// images with them; those without a restart policy are not started.
func TestAppContainers(t *testing.T) {
	l := newLive(t)
	spec := l.spec("web")
	l.up(t, spec)
	engine, err := l.ContainerEngine(t.Context(), spec.ID)
	must(t, err)
	conn, err := engine.Dial(t.Context())
	must(t, err)
	must(t, conn.Close())
	image := l.labelledImage(t, engine.Labels)
	app := l.app(t, engine, image, container.RestartPolicyUnlessStopped)
	once := l.app(t, engine, image, container.RestartPolicyDisabled)
	sameNetwork := func() {
		t.Helper()
		machine, err := l.Inspect(t.Context(), spec.ID)
		must(t, err)
		inspected, err := l.engine.ContainerInspect(t.Context(), app, client.ContainerInspectOptions{})
		must(t, err)
		host, err := l.engine.ContainerInspect(t.Context(), machine.Ref, client.ContainerInspectOptions{})
		must(t, err)
		if !inspected.Container.State.Running || namespace(t, inspected.Container) != namespace(t, host.Container) {
			t.Errorf("the app container is %s, and not in the machine's network", inspected.Container.State.Status)
		}
	}
	sameNetwork()
	must(t, l.Stop(t.Context(), spec.ID, 2*time.Second))
	l.wantRunning(t, app, false)
	must(t, l.Start(t.Context(), spec.ID))
	sameNetwork()
	l.wantRunning(t, once, false)

	_, err = l.engine.ContainerRestart(t.Context(), strings.TrimPrefix(engine.NetworkMode, "container:"), client.ContainerRestartOptions{})
	must(t, err) // behind our back: the app container is in a namespace without a network now
	must(t, l.Start(t.Context(), spec.ID))
	sameNetwork()

	must(t, l.Destroy(t.Context(), spec.ID))
	if left := leftovers(t, l.project); len(left) != 1 || !strings.HasPrefix(left[0], "network") {
		t.Errorf("after Destroy there is %v, want the project's network only", left)
	}
}

// namespace is the network namespace of a running container.
func namespace(t *testing.T, inspected container.InspectResponse) string {
	t.Helper()
	link, err := os.Readlink("/proc/" + itoa(inspected.State.Pid) + "/ns/net")
	must(t, err)
	return link
}

// labelledImage commits an image with those labels, as a build for a machine would have.
func (l *live) labelledImage(t *testing.T, labels map[string]string) string {
	t.Helper()
	box, err := l.engine.ImageList(t.Context(), client.ImageListOptions{Filters: client.Filters{}.Add("label", "colabo.box="+l.image.Digest)})
	must(t, err)
	created, err := l.engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config: &container.Config{Image: box.Items[0].ID, Entrypoint: []string{"sleep", "1000"}, Labels: labels},
	})
	must(t, err)
	defer func() {
		_, err := l.engine.ContainerRemove(context.Background(), created.ID, client.ContainerRemoveOptions{Force: true})
		must(t, err)
	}()
	committed, err := l.engine.ContainerCommit(t.Context(), created.ID, client.ContainerCommitOptions{NoPause: true})
	must(t, err)
	return committed.ID
}

// app starts an app container as a provision step would, with a volume of its own.
func (l *live) app(t *testing.T, engine providers.ContainerEngine, image string, restart container.RestartPolicyMode) string {
	t.Helper()
	yes := true
	created, err := l.engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config: &container.Config{Image: image, Labels: engine.Labels, Volumes: map[string]struct{}{"/data": {}}},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode(engine.NetworkMode), RestartPolicy: container.RestartPolicy{Name: restart}, Init: &yes,
		},
	})
	must(t, err)
	_, err = l.engine.ContainerStart(t.Context(), created.ID, client.ContainerStartOptions{})
	must(t, err)
	_, err = l.engine.VolumeCreate(t.Context(), client.VolumeCreateOptions{Labels: engine.Labels})
	must(t, err)
	return created.ID
}

func (l *live) wantRunning(t *testing.T, id string, want bool) {
	t.Helper()
	inspected, err := l.engine.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	must(t, err)
	if inspected.Container.State.Running != want {
		t.Errorf("the container is %s", inspected.Container.State.Status)
	}
}

// TestPaused: a machine and an app container that somebody paused run after a start.
func TestPaused(t *testing.T) {
	l := newLive(t)
	spec := l.spec("web")
	g := l.up(t, spec)
	engine, err := l.ContainerEngine(t.Context(), spec.ID)
	must(t, err)
	app := l.app(t, engine, l.labelledImage(t, engine.Labels), container.RestartPolicyUnlessStopped)
	for _, id := range []string{app, strings.TrimPrefix(engine.NetworkMode, "container:")} {
		_, err := l.engine.ContainerPause(t.Context(), id, client.ContainerPauseOptions{})
		must(t, err)
	}
	must(t, l.Start(t.Context(), spec.ID))
	if got := output(t, g, "id", "-un"); got != "colabo" {
		t.Errorf("the machine's user is %s", got)
	}
	inspected, err := l.engine.ContainerInspect(t.Context(), app, client.ContainerInspectOptions{})
	must(t, err)
	if inspected.Container.State.Paused {
		t.Error("the app container is paused still")
	}
}

// TestNetworkGone: a machine whose network somebody removed starts on a new one, under its old names.
func TestNetworkGone(t *testing.T) {
	l := newLive(t)
	spec := l.spec("web")
	must(t, l.Create(t.Context(), spec, func(string) {}))
	must(t, l.Start(t.Context(), spec.ID))
	must(t, l.Stop(t.Context(), spec.ID, 0))
	networks, err := l.engine.NetworkList(t.Context(), client.NetworkListOptions{Filters: client.Filters{}.Add("label", "colabo.project="+l.project)})
	must(t, err)
	if len(networks.Items) != 1 {
		t.Fatalf("%d networks", len(networks.Items))
	}
	_, err = l.engine.NetworkRemove(t.Context(), networks.Items[0].ID, client.NetworkRemoveOptions{})
	must(t, err)
	must(t, l.Start(t.Context(), spec.ID))
	status, err := l.Inspect(t.Context(), spec.ID)
	must(t, err)
	if status.State != providers.Running || status.Address == "" {
		t.Errorf("the machine is %+v", status)
	}
	g, err := l.OpenGuest(t.Context(), spec.ID, "root")
	must(t, err)
	defer g.Close()
	const resolve = `gethostbyname("web") or die "unknown\n"`
	output(t, g, "perl", "-e", resolve)
}

// TestConsole: what init wrote, its end only where it is long.
func TestConsole(t *testing.T) {
	l := newLive(t)
	l.image = realBox(t)
	spec := l.spec("web")
	g := l.up(t, spec)
	// Not by --wait: that can miss the moment, and then waits for ever.
	output(t, g, "sh", "-c", `until systemctl is-system-running | grep -Eq "running|degraded"; do sleep 0.1; done`)
	console, err := l.Console(t.Context(), spec.ID, 1<<20)
	must(t, err)
	if !bytes.Contains(console, []byte("Welcome to")) {
		t.Errorf("the console shows %q", console)
	}
	end, err := l.Console(t.Context(), spec.ID, 10)
	must(t, err)
	if len(end) != 10 || !bytes.HasSuffix(console, end) {
		t.Errorf("the end is %q", end)
	}
	if got := output(t, g, "sh", "-c", "systemctl --failed --no-legend --plain; sudo -n id -u"); got != "0" {
		t.Errorf("failed units, or no sudo: %q", got)
	}
	begin := time.Now()
	must(t, l.Stop(t.Context(), spec.ID, time.Minute))
	t.Logf("systemd stopped in %v", time.Since(begin).Round(time.Millisecond))
	if time.Since(begin) > 30*time.Second {
		t.Error("systemd did not take the stop signal")
	}
}
