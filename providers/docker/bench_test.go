package docker_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
	"github.com/colabo/colabo/providers"
)

// BenchmarkFirstCommand compares the time to a machine's first command with that of `docker run -d` and `docker exec` of
// the same image: a machine of a project that has its network, and the first machine of a project, network included.
func BenchmarkFirstCommand(b *testing.B) {
	engine := dockertest.Engine(b)
	p := open(b)
	image := realBox(b)
	b.Cleanup(func() { _ = p.RemoveImage(context.Background(), image.Digest) })
	project := dockertest.Unique("bench")
	b.Cleanup(func() { _ = p.Purge(context.Background(), project) })
	spec := func(project, machine string) providers.Spec {
		return providers.Spec{
			ID: providers.ID{Project: project, Machine: machine}, ProjectName: "bench", Hostname: machine,
			CPUs: 1, Memory: 512 << 20, Image: image, User: "colabo",
		}
	}
	if err := p.Create(b.Context(), spec(project, "keeper"), func(string) {}); err != nil {
		b.Fatal(err)
	}
	inspected, err := engine.ImageInspect(b.Context(), "colabo/box:debian-12-box-"+strings.TrimPrefix(image.Digest, "sha256:box-"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("docker run", func(b *testing.B) {
		for range b.N {
			name := dockertest.Unique("colabo-bench")
			dockerRun(b, name, inspected.ID)
			b.StopTimer()
			command(b, "docker", "rm", "-f", name)
			b.StartTimer()
		}
	})
	b.Run("next machine", func(b *testing.B) {
		for range b.N {
			firstCommand(b, p, spec(project, "web"))
			b.StopTimer()
			if err := p.Destroy(b.Context(), providers.ID{Project: project, Machine: "web"}); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	b.Run("first machine", func(b *testing.B) {
		for range b.N {
			other := dockertest.Unique("bench")
			firstCommand(b, p, spec(other, "web"))
			b.StopTimer()
			if err := p.Purge(b.Context(), other); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}

// dockerRun is how one boots such a container by hand.
func dockerRun(b *testing.B, name, image string) {
	b.Helper()
	command(b, "docker", "run", "-dt", "--name", name, "--tmpfs", "/run:exec", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec",
		"-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns=host", "-m", "512m", "--cpus", "1", image, "/sbin/init")
	command(b, "docker", "exec", name, "true")
}

func command(b *testing.B, argv ...string) {
	b.Helper()
	if output, err := exec.CommandContext(b.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", argv, err, output)
	}
}

// firstCommand makes a machine and runs a command in it as its login user.
func firstCommand(b *testing.B, p interface {
	providers.Provider
	providers.GuestOpener
}, spec providers.Spec) {
	b.Helper()
	begin := time.Now()
	stage := func(name string, err error) {
		if err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), fmt.Sprintf("ms-to-%s", name))
	}
	stage("create", p.Create(b.Context(), spec, func(string) {}))
	stage("start", p.Start(b.Context(), spec.ID))
	g, err := p.OpenGuest(b.Context(), spec.ID, spec.User)
	stage("guest", err)
	defer g.Close()
	stage("run", g.Run(b.Context(), guest.Command{Argv: []string{"true"}}))
}

// BenchmarkStatus is what `colabo status` costs: connect, look at one machine, disconnect.
func BenchmarkStatus(b *testing.B) {
	dockertest.Engine(b)
	image := toolsBox(b)
	p := open(b)
	b.Cleanup(func() { _ = p.RemoveImage(context.Background(), image.Digest) })
	id := providers.ID{Project: dockertest.Unique("bench"), Machine: "web"}
	b.Cleanup(func() { _ = p.Purge(context.Background(), id.Project) })
	if err := p.Create(b.Context(), providers.Spec{ID: id, Image: image, User: "colabo"}, func(string) {}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		opened := open(b)
		if _, err := opened.Inspect(b.Context(), id); err != nil {
			b.Fatal(err)
		}
		if err := opened.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
