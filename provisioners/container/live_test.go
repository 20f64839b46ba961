package container_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mobycontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/container"
	"github.com/colabo/colabo/provisioners/provisionertest"
)

// live is a container that plays the machine, on the tests' engine.
type live struct {
	engine  *client.Client
	image   string
	machine string
	project string
	dir     string
}

func newLive(t *testing.T) *live {
	t.Helper()
	engine := dockertest.Engine(t)
	l := &live{engine: engine, image: dockertest.ToolsImage(t, engine), project: dockertest.Unique("app"), dir: t.TempDir()}
	yes := true
	l.machine = dockertest.Run(t, engine, mobycontainer.Config{Image: l.image, Entrypoint: []string{"sleep", "1000"}}, mobycontainer.HostConfig{Init: &yes})
	return l
}

// target is the step's, on an engine that outlives the machine or one that goes with it and needs no labels.
func (l *live) target(t *testing.T, step string, labels map[string]string) provisioners.Target {
	t.Helper()
	target := provisionertest.Target(t, nil, l.dir, io.Discard)
	target.Project, target.Step = l.project, step
	target.Containers = func(context.Context) (providers.ContainerEngine, error) {
		return providers.ContainerEngine{
			Dial:        func(ctx context.Context) (net.Conn, error) { return l.engine.Dialer()(ctx) },
			NetworkMode: "container:" + l.machine, Labels: labels,
		}, nil
	}
	return target
}

// build writes a Dockerfile on the tools' image and returns a step that builds it.
func (l *live) build(t *testing.T, lines string) *container.Step {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(l.dir, "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"Dockerfile": lines, "x": l.project} {
		if err := os.WriteFile(filepath.Join(l.dir, "app", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &container.Step{Build: container.Build{Context: "app"}, Restart: "unless-stopped"}
}

func (l *live) wantDrift(t *testing.T, step *container.Step, target provisioners.Target, want string) {
	t.Helper()
	got, err := step.Drift(t.Context(), target)
	if err != nil || (got == "") != (want == "") || !strings.Contains(got, want) {
		t.Errorf("drift is %q, %v; want %q", got, err, want)
	}
}

// name is the name of the step's container.
func (l *live) name(t *testing.T, step string) string {
	t.Helper()
	list, err := l.engine.ContainerList(t.Context(), client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", "colabo.step="+step).Add("name", l.project),
	})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d containers of step %s, %v", len(list.Items), step, err)
	}
	return strings.TrimPrefix(list.Items[0].Names[0], "/")
}

// TestDriftAndRemove undoes what a step did in all ways, has the step put it right, and removes it at last, on both
// kinds of engines. Another step's container stays.
func TestDriftAndRemove(t *testing.T) {
	for name, owned := range map[string]bool{"the host's engine": true, "the machine's engine": false} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			var labels map[string]string
			if owned {
				labels = map[string]string{"colabo.project": l.project, "colabo.machine": "dev"}
			}
			target, other := l.target(t, l.project+"-a", labels), l.target(t, l.project+"-b", labels)
			remove := container.Kind().Remove
			t.Cleanup(func() {
				target, other := target, other
				for _, each := range []provisioners.Target{target, other} {
					if err := remove(context.Background(), each); err != nil {
						t.Error(err)
					}
				}
			})
			step := l.build(t, "FROM "+l.image+"\nCOPY x /x\nSTOPSIGNAL SIGKILL\nENTRYPOINT [\"sleep\", \"1000\"]\n")
			l.wantDrift(t, step, target, "gone")
			for _, each := range []provisioners.Target{target, other} {
				if err := step.Run(t.Context(), each); err != nil {
					t.Fatal(err)
				}
			}
			l.wantDrift(t, step, target, "")
			l.undo(t, step, target)
			changed := *step
			changed.Env = map[string]string{"A": "b"}
			l.wantDrift(t, &changed, target, "not what the step says")

			image := "colabo/" + l.name(t, target.Step) + ":latest"
			for range 2 {
				if err := remove(t.Context(), target); err != nil {
					t.Fatal(err)
				}
				l.wantDrift(t, step, target, "gone")
			}
			if _, err := l.engine.ImageInspect(t.Context(), image); err == nil {
				t.Errorf("image %s is there still", image)
			}
			l.wantDrift(t, step, other, "older than") // than the machine, which undo restarted; but there
		})
	}
}

// undo does what may happen to a container, and lets the step mend it.
func (l *live) undo(t *testing.T, step *container.Step, target provisioners.Target) {
	t.Helper()
	now, ctx := 0, t.Context()
	for _, test := range []struct {
		want string
		undo func(name string) error
	}{
		{"stopped", func(name string) error {
			_, err := l.engine.ContainerStop(ctx, name, client.ContainerStopOptions{Timeout: &now})
			return err
		}},
		{"paused", func(name string) error {
			_, err := l.engine.ContainerPause(ctx, name, client.ContainerPauseOptions{})
			return err
		}},
		{"older than", func(string) error {
			_, err := l.engine.ContainerRestart(ctx, l.machine, client.ContainerRestartOptions{Timeout: &now})
			return err
		}},
		{"gone", func(name string) error {
			_, err := l.engine.ContainerRemove(ctx, name, client.ContainerRemoveOptions{Force: true})
			return err
		}},
		{"gone", func(name string) error {
			_, err := l.engine.ContainerRename(ctx, name, client.ContainerRenameOptions{NewName: name + "-away"})
			return err
		}},
	} {
		if err := test.undo(l.name(t, target.Step)); err != nil {
			t.Fatal(err)
		}
		l.wantDrift(t, step, target, test.want)
		if err := step.Run(ctx, target); err != nil {
			t.Fatal(err)
		}
		l.wantDrift(t, step, target, "")
	}
}

// TestJobHasNotDrifted: a container that is to end, and ended well, is as it should be.
func TestJobHasNotDrifted(t *testing.T) {
	l := newLive(t)
	target := l.target(t, "job", map[string]string{"colabo.project": l.project})
	step := l.build(t, "FROM "+l.image+"\nENTRYPOINT [\"true\"]\n")
	step.Restart = "no"
	t.Cleanup(func() {
		if err := container.Kind().Remove(context.Background(), target); err != nil {
			t.Error(err)
		}
	})
	if err := step.Run(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	l.wantDrift(t, step, target, "")
}

// images are the ids of all images of the engine.
func (l *live) images(t *testing.T) map[string]bool {
	t.Helper()
	list, err := l.engine.ImageList(t.Context(), client.ImageListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, i := range list.Items {
		all[i.ID] = true
	}
	return all
}

// TestFailedBuildLeavesNothing: neither a build that fails nor one that is cut off leaves images; what was there before stays.
func TestFailedBuildLeavesNothing(t *testing.T) {
	l := newLive(t)
	target := l.target(t, "api", map[string]string{"colabo.project": l.project})
	before := l.images(t)
	for name, lines := range map[string]string{
		"fails":             "FROM scratch\nCOPY x /x\nENV A=1\nRUN /x\n",
		"fails on an image": "FROM " + l.image + "\nENV A=1\nCOPY x /x\nRUN [\"sh\", \"-c\", \"exit 3\"]\n",
		"stages":            "FROM scratch AS one\nCOPY x /x\nFROM " + l.image + "\nCOPY --from=one /x /y\nRUN [\"sh\", \"-c\", \"exit 3\"]\n",
		"cut off":           "FROM " + l.image + "\nENV A=1\nCOPY x /x\nRUN [\"sh\", \"-c\", \"echo running; sleep 600\"]\n",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			target := target
			target.Output = writerFunc(func(p []byte) (int, error) {
				if string(p) == "running\n" {
					cancel()
				}
				return len(p), nil
			})
			if err := l.build(t, lines).Run(ctx, target); err == nil || strings.Contains(err.Error(), "remove ") {
				t.Errorf("got %v", err)
			}
			after := l.images(t)
			for id := range after {
				if !before[id] {
					t.Errorf("left behind: %s", id)
				}
			}
			for id := range before {
				if !after[id] {
					t.Errorf("removed: %s", id)
				}
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
