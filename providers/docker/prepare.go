package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/gofrs/flock"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// Machines start from prepared images: a box's or referenced image with one thin layer more, which has the login user in
// it and, where there is no systemd, the program that keeps a container up. To prepare takes half a second, once for an
// image and a user; a machine then is made whole in one step, and no command needs to run in it first.
//
// A box's prepared images are shared like the box's own and removed with it. Those of a referenced image belong to
// the project, so that nothing of ours holds on to the user's image after the project is gone.

// preparedVersion changes when images are to be prepared in another way; older ones then are not used any more.
const preparedVersion = "1"

// What a prepared image's containers boot.
const (
	initSystemd = "systemd" // the image's own /sbin/init
	initStay    = "stay"    // the engine's init and stayPath
)

// prepared is an image that machines can start from.
type prepared struct {
	id   string
	init string
}

// preparation says what an image is prepared from and for. Either box or base is set.
type preparation struct {
	box     string // a box's digest
	boxName string // its tag
	base    string // id of a referenced image
	user    string
	project string
}

// labels are those of the prepared image, but for what is found out while it is prepared.
func (w preparation) labels() map[string]string {
	labels := map[string]string{labelPrepared: preparedVersion, labelUser: w.user}
	if w.box != "" {
		labels[labelBox] = w.box
	} else {
		labels[labelBase], labels[labelProject] = w.base, w.project
	}
	return labels
}

// filter finds images prepared in this way.
func (w preparation) filter() client.Filters {
	filters := client.Filters{}
	for label, value := range w.labels() {
		filters.Add("label", label+"="+value)
	}
	return filters
}

// key is short and different for each preparation.
func (w preparation) key() string {
	source := w.box
	if w.box == "" {
		source = w.base + "\x00" + w.project
	}
	sum := sha256.Sum256([]byte(source + "\x00" + w.user))
	return hex.EncodeToString(sum[:6])
}

// reference is the prepared image's name.
func (w preparation) reference() string {
	if w.box != "" {
		return boxRepository + ":" + w.boxName + "-" + w.key()
	}
	return "colabo/prepared:" + w.key()
}

// containerName is that of the container in which the image is prepared. It begins with preparationName, so that Purge
// finds it: its labels become the image's, and a box's image is no project's.
func (w preparation) containerName() string { return preparationName(w.project) + w.key() }

func preparationName(project string) string {
	return "colabo-prepare-" + providers.EscapeName(project) + "."
}

// prepared finds the image, or makes it from what base returns. One process and goroutine makes it, the others wait.
func (p *Provider) prepared(
	ctx context.Context, want preparation, report providers.Report, base func(context.Context) (string, error),
) (prepared, error) {
	if found, err := p.findPrepared(ctx, want); found.id != "" || err != nil {
		return found, err
	}
	p.images.Lock()
	defer p.images.Unlock()
	unlock, err := p.lockImages(ctx, want.key())
	if err != nil {
		return prepared{}, err
	}
	defer unlock()
	if found, err := p.findPrepared(ctx, want); found.id != "" || err != nil {
		return found, err
	}
	source, err := base(ctx)
	if err != nil {
		return prepared{}, err
	}
	if source == "" {
		return prepared{}, fmt.Errorf("prepare image: the engine does not list what was imported")
	}
	return p.prepare(ctx, want, source, report)
}

// findPrepared returns an image without id where the engine has none.
func (p *Provider) findPrepared(ctx context.Context, want preparation) (prepared, error) {
	list, err := p.engine.ImageList(ctx, client.ImageListOptions{Filters: want.filter()})
	if err != nil {
		return prepared{}, p.failed(ctx, "look for prepared images", err)
	}
	for _, image := range list.Items {
		if boots := image.Labels[labelInit]; boots != "" {
			return prepared{id: image.ID, init: boots}, nil
		}
	}
	return prepared{}, nil
}

// lockImages keeps other processes of this user from preparing the same image; without a cache folder it does nothing,
// and the worst that happens is that an image is prepared twice.
func (p *Provider) lockImages(ctx context.Context, key string) (unlock func(), err error) {
	if p.cacheDir == "" {
		return func() {}, nil
	}
	folder := filepath.Join(p.cacheDir, name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("lock images: %w", err)
	}
	lock := flock.New(filepath.Join(folder, "prepare-"+key+".lock"))
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return nil, fmt.Errorf("lock images: %w", err)
	}
	return func() { _ = lock.Close() }, nil
}

// createPreparation makes the container in which the image is prepared, in place of what a killed process left. The engine may
// be making that one still, and has its name then and nothing to remove: it is waited for, as long as for a port.
func (p *Provider) createPreparation(ctx context.Context, want preparation, base string) (client.ContainerCreateResult, error) {
	patience := time.NewTimer(portPatience)
	defer patience.Stop()
	for {
		if err := p.removeContainer(ctx, want.containerName()); err != nil {
			return client.ContainerCreateResult{}, err
		}
		created, err := p.engine.ContainerCreate(context.WithoutCancel(ctx), client.ContainerCreateOptions{
			Name:       want.containerName(),
			Config:     &container.Config{Image: base, Entrypoint: []string{initPath}, Labels: want.labels()},
			HostConfig: &container.HostConfig{NetworkMode: "none"},
		})
		if !errdefs.IsConflict(err) {
			return created, err
		}
		select {
		case <-ctx.Done():
			return created, context.Cause(ctx)
		case <-patience.C:
			return created, err
		case <-time.After(portPause):
		}
	}
}

// prepare makes the image. The container for it is never started.
func (p *Provider) prepare(ctx context.Context, want preparation, base string, report providers.Report) (prepared, error) {
	const operation = "prepare image"
	inspected, err := p.engine.ImageInspect(ctx, base)
	if err != nil {
		return prepared{}, p.failed(ctx, operation, err)
	}
	created, err := p.createPreparation(ctx, want, base)
	if err != nil {
		return prepared{}, p.failed(ctx, operation, err)
	}
	defer func() {
		if err := p.removeContainer(context.WithoutCancel(ctx), created.ID); err != nil {
			p.log.Warn("remove the container in which an image was prepared", "err", err)
		}
	}()
	boots, files, err := p.preparedFiles(ctx, created.ID, want.user, inspected.Architecture, report)
	if err != nil {
		return prepared{}, fmt.Errorf("%s: %w", operation, err)
	}
	content, err := archive(files)
	if err != nil {
		return prepared{}, fmt.Errorf("%s: %w", operation, err)
	}
	if _, err := p.engine.CopyToContainer(ctx, created.ID, client.CopyToContainerOptions{
		DestinationPath: "/", Content: bytes.NewReader(content),
	}); err != nil {
		return prepared{}, p.failed(ctx, operation, err)
	}
	committed, err := p.engine.ContainerCommit(ctx, created.ID, client.ContainerCommitOptions{
		Reference: want.reference(), Comment: "prepared by colabo", NoPause: true,
		Changes: []string{fmt.Sprintf("LABEL %s=%s", labelInit, boots)},
	})
	if err != nil {
		return prepared{}, p.failed(ctx, operation, err)
	}
	return prepared{id: committed.ID, init: boots}, nil
}

// preparedFiles returns what the image's containers boot, and what is to be put into the image.
func (p *Provider) preparedFiles(
	ctx context.Context, id, user, architecture string, report providers.Report,
) (boots string, files []rootFile, err error) {
	tree := imageTree{provider: p, container: id}
	link, err := tree.linkTarget(ctx, initPath)
	if err != nil {
		return "", nil, err
	}
	if path.Base(link) == "systemd" {
		boots = initSystemd
	} else {
		boots = initStay
		program, err := stayProgram(architecture)
		if err != nil {
			return "", nil, err
		}
		files = append(files, regular(strings.TrimPrefix(stayPath, "/"), 0o755, string(program)))
	}
	etc, err := tree.etc(ctx)
	if err != nil {
		return "", nil, err
	}
	account, err := withAccount(user, etc)
	if err != nil {
		return "", nil, err
	}
	if sudo, err := tree.exists(ctx, "/usr/bin/sudo"); err == nil && !sudo && len(account) > 0 {
		report(fmt.Sprintf("the image has no sudo: what needs root runs as user root, not as %s", user))
	}
	return boots, append(files, account...), nil
}

// missing is whether err says that a file or container is not there.
func missing(err error) bool { return errdefs.IsNotFound(err) }
