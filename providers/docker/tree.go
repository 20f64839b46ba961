package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/moby/moby/client"
)

// maxTreeFile is how large a file that is read out of an image may be.
const maxTreeFile = 4 << 20

// imageTree reads files of a container that need not run.
type imageTree struct {
	provider  *Provider
	container string
}

// linkTarget returns where a symbolic link leads in the end; "" where there is no link of that name.
func (t imageTree) linkTarget(ctx context.Context, file string) (string, error) {
	stat, err := t.provider.engine.ContainerStatPath(ctx, t.container, client.ContainerStatPathOptions{Path: file})
	if missing(err) {
		return "", nil
	}
	return stat.Stat.LinkTarget, t.provider.failed(ctx, "look at "+file, err)
}

func (t imageTree) exists(ctx context.Context, file string) (bool, error) {
	_, err := t.provider.engine.ContainerStatPath(ctx, t.container, client.ContainerStatPathOptions{Path: file})
	if missing(err) {
		return false, nil
	}
	return err == nil, t.provider.failed(ctx, "look at "+file, err)
}

// read returns a file, or a folder's files with names relative to it; nothing where it is not there.
func (t imageTree) read(ctx context.Context, file string) ([]rootFile, error) {
	copied, err := t.provider.engine.CopyFromContainer(ctx, t.container, client.CopyFromContainerOptions{SourcePath: file})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, t.provider.failed(ctx, "read "+file, err)
	}
	defer copied.Content.Close()
	var files []rootFile
	for reader := tar.NewReader(copied.Content); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if header.Size > maxTreeFile {
			return nil, fmt.Errorf("read %s: %s is larger than %d bytes", file, header.Name, maxTreeFile)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		header.Name = strings.TrimPrefix(strings.TrimPrefix(header.Name, path.Base(file)), "/")
		files = append(files, rootFile{Header: *header, content: content})
	}
}

// regularFile returns a file that is to be put back under its name; nil where there is none.
func (t imageTree) regularFile(ctx context.Context, file string) (*rootFile, error) {
	files, err := t.read(ctx, file)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	if len(files) != 1 || files[0].Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("%s of the image is not a plain file", file)
	}
	files[0].Name = strings.TrimPrefix(file, "/")
	return &files[0], nil
}

// etc reads what is needed to add an account.
func (t imageTree) etc(ctx context.Context) (imageEtc, error) {
	var etc imageEtc
	var err error
	for _, wanted := range []struct {
		file string
		into **rootFile
	}{
		{"/etc/passwd", &etc.passwd}, {"/etc/group", &etc.group},
		{"/etc/shadow", &etc.shadow}, {"/etc/gshadow", &etc.gshadow},
	} {
		if *wanted.into, err = t.regularFile(ctx, wanted.file); err != nil {
			return imageEtc{}, err
		}
	}
	skeleton, err := t.read(ctx, "/etc/skel")
	if err != nil {
		return imageEtc{}, err
	}
	for _, file := range skeleton {
		if file.Name != "" { // the folder itself
			etc.skeleton = append(etc.skeleton, file)
		}
	}
	etc.shell = "/bin/sh"
	for _, wanted := range []struct {
		file  string
		found func()
	}{
		{"/bin/bash", func() { etc.shell = "/bin/bash" }},
		{"/etc/sudoers.d", func() { etc.sudoersFolder = true }},
		{"/home", func() { etc.homeFolder = true }},
	} {
		found, err := t.exists(ctx, wanted.file)
		if err != nil {
			return imageEtc{}, err
		}
		if found {
			wanted.found()
		}
	}
	return etc, nil
}
