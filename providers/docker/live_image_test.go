package docker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest/dockertest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

func itoa(n int) string { return strconv.Itoa(n) }

// boxImages are the images that the engine has of a box.
func (l *live) boxImages(t *testing.T) int {
	t.Helper()
	list, err := l.engine.ImageList(t.Context(), client.ImageListOptions{
		All: true, Filters: client.Filters{}.Add("label", "colabo.box="+l.image.Digest),
	})
	must(t, err)
	return len(list.Items)
}

// TestImportCutOff: an import that is cancelled, or whose file is cut off, leaves no image; the next one succeeds.
func TestImportCutOff(t *testing.T) {
	l := newLive(t)
	whole := l.image.Rootfs
	content, err := os.ReadFile(whole)
	must(t, err)
	for _, part := range []int{0, 1, 10, len(content) / 2, len(content) - 5} {
		cut := t.TempDir() + "/cut.tar.zst"
		must(t, os.WriteFile(cut, content[:part], 0o600))
		l.image.Rootfs = cut
		if err := l.Create(t.Context(), l.spec("web"), func(string) {}); err == nil {
			t.Errorf("a box cut off after %d bytes was imported", part)
		}
		if n := l.boxImages(t); n != 0 {
			t.Fatalf("after %d bytes there are %d images", part, n)
		}
	}
	l.image.Rootfs = whole
	ctx, cancel := context.WithCancel(t.Context())
	err = l.Create(ctx, l.spec("web"), func(text string) {
		if strings.Contains(text, "50 %") {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || l.boxImages(t) != 0 {
		t.Errorf("after a cancelled import: %v, %d images", err, l.boxImages(t))
	}
	must(t, l.Create(t.Context(), l.spec("web"), func(string) {}))
	if left := leftovers(t, l.project); len(left) != 2 {
		t.Errorf("there is %v, want a container and a network", left)
	}
}

// TestImportAtOnce: two processes that need a box at the same moment import it once.
func TestImportAtOnce(t *testing.T) {
	l := newLive(t)
	other := open(t)
	cache := t.TempDir()
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i := range errs {
		p, err := openCache(t, cache)
		must(t, err)
		wg.Go(func() { errs[i] = p.Create(t.Context(), l.spec("web"+itoa(i)), func(string) {}) })
	}
	wg.Wait()
	must(t, errors.Join(errs...))
	if n := l.boxImages(t); n != 2 {
		t.Errorf("there are %d images, want the box's and the prepared one", n)
	}
	if err := other.RemoveImage(t.Context(), l.image.Digest); err == nil || hint.Of(err) == "" {
		t.Errorf("RemoveImage of a box in use: %v", err)
	}
	must(t, other.Purge(t.Context(), l.project))
	must(t, other.RemoveImage(t.Context(), l.image.Digest))
	if n := l.boxImages(t); n != 0 {
		t.Errorf("%d images stay", n)
	}
	must(t, other.RemoveImage(t.Context(), l.image.Digest))
}

// TestReference: any image of the engine is a machine: without systemd, shell or accounts it stays up, has the login
// user, and ends when it is told to. Nothing of ours stays on it afterwards.
func TestReference(t *testing.T) {
	l := newLive(t)
	reference := dockertest.ProbeImage(t, l.engine)
	spec := l.spec("web")
	spec.Image = providers.Image{Reference: reference}
	g := l.up(t, spec)
	if got := output(t, g, "/probe", "uid"); got != "1000" {
		t.Errorf("the login user is %s", got)
	}
	if got := output(t, g, "/probe", "env", "HOME"); got != "/home/colabo" {
		t.Errorf("home is %s", got)
	}
	must(t, g.Run(t.Context(), guest.Command{Argv: []string{"/probe", "uid"}, User: "root"}))
	begin := time.Now()
	must(t, l.Stop(t.Context(), spec.ID, time.Minute))
	if time.Since(begin) > 20*time.Second {
		t.Error("it did not end when it was told to")
	}
	must(t, l.Purge(t.Context(), l.project))
	if left := leftovers(t, l.project); len(left) != 0 {
		t.Errorf("after Purge there is %v", left)
	}
}

// TestReferenceUnknown: an image that neither the engine nor a registry has is one clear error, and nothing is made.
func TestReferenceUnknown(t *testing.T) {
	l := newLive(t)
	spec := l.spec("web")
	spec.Image = providers.Image{Reference: "127.0.0.1:1/colabo-no-such-image:1"}
	err := l.Create(t.Context(), spec, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "colabo-no-such-image") || hint.Of(err) == "" {
		t.Errorf("got %v, hint %q", err, hint.Of(err))
	}
	if left := leftovers(t, l.project); len(left) != 0 {
		t.Errorf("there is %v", left)
	}
}

// TestKilledPreparation: what a process left that was killed while it prepared an image goes with the project, and does
// not stand in the way of the next preparation.
func TestKilledPreparation(t *testing.T) {
	l := newLive(t)
	image := dockertest.ProbeImage(t, l.engine)
	leave := func(name string) {
		t.Helper()
		_, err := l.engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
			Name:   name,
			Config: &container.Config{Image: image, Entrypoint: []string{"/probe"}, Labels: map[string]string{"colabo.prepared": "1"}},
		})
		must(t, err)
	}
	name := fmt.Sprintf("colabo-prepare-%s.0123456789ab", l.project)
	leave(name)
	must(t, l.Purge(t.Context(), l.project))
	if _, err := l.engine.ContainerInspect(t.Context(), name, client.ContainerInspectOptions{}); err == nil {
		t.Error("the container stays")
	}
	list, err := l.List(t.Context(), l.project)
	if err != nil || len(list) != 0 {
		t.Errorf("List: %v %v", list, err)
	}
}
