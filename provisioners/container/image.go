package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/tail"
)

// images gets a step's image onto an engine.
type images struct {
	step   *Step
	engine *client.Client
	names  naming
	target provisioners.Target
}

// ensure returns the id of the step's image, which the engine then has.
func (i images) ensure(ctx context.Context) (string, error) {
	reference := i.step.Image
	var err error
	switch {
	case i.step.Build.Context != "":
		reference, err = i.names.image(), i.build(ctx)
	case i.step.Archive != "":
		reference, err = i.load(ctx)
	default:
		err = i.pull(ctx)
	}
	if err != nil {
		return "", err
	}
	return i.id(ctx, reference)
}

// id is the id of an image, "" when the engine does not have it.
func (i images) id(ctx context.Context, reference string) (string, error) {
	image, err := i.engine.ImageInspect(ctx, reference)
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("inspect image %s: %w", reference, err)
	}
	return image.ID, nil
}

// build builds the image. A build that fails or is cut off leaves nothing of it on the engine.
func (i images) build(ctx context.Context) error {
	made, err := newLayers(ctx, i.engine)
	if err != nil {
		return err
	}
	if err = i.buildContext(ctx, made); err == nil {
		return nil
	}
	err = fmt.Errorf("build %s: %w", i.step.Build.Context, err)
	return errors.Join(err, made.remove(context.WithoutCancel(ctx)))
}

// buildContext sends the context and builds it with the engine's own builder, which needs no session and is in every engine.
func (i images) buildContext(ctx context.Context, made *layers) error {
	spec := i.step.Build
	i.target.Progress("building " + spec.Context)
	reader, writer := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := spec.pack(i.target.Dir, writer)
		_ = writer.CloseWithError(err) // never fails
		packed <- err
	}()
	args := map[string]*string{}
	for name, value := range spec.Args {
		args[name] = &value
	}
	built, err := i.engine.ImageBuild(ctx, reader, client.ImageBuildOptions{
		Tags: []string{i.names.image()}, Dockerfile: spec.dockerfile(), BuildArgs: args, Target: spec.Target,
		// Each label is a layer, made in a container of its own: an image has those by which it is found again, and no more.
		Labels: i.names.owner, Remove: true, ForceRemove: true, Version: build.BuilderV1,
	})
	_ = reader.Close() // ends the packing where the engine did not read it to its end; never fails
	if packErr := <-packed; packErr != nil && !errors.Is(packErr, io.ErrClosedPipe) {
		return fmt.Errorf("read the context: %w", packErr)
	}
	if err != nil {
		return err
	}
	defer built.Body.Close()
	_, err = i.follow(messages(built.Body), made.see)
	return err
}

// load sends the archive, which the engine decompresses, and returns the one image that was in it.
func (i images) load(ctx context.Context) (string, error) {
	i.target.Progress("loading " + i.step.Archive)
	file, err := os.Open(provisioners.HostPath(i.target.Dir, i.step.Archive))
	if err != nil {
		return "", err
	}
	defer file.Close()
	loaded, err := i.engine.ImageLoad(ctx, file)
	if err != nil {
		return "", fmt.Errorf("load %s: %w", i.step.Archive, err)
	}
	defer loaded.Close()
	said, err := i.follow(messages(loaded), nil)
	if err != nil {
		return "", fmt.Errorf("load %s: %w", i.step.Archive, err)
	}
	var names []string
	for line := range strings.Lines(said) {
		for _, prefix := range []string{"Loaded image: ", "Loaded image ID: "} {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
				names = append(names, name)
			}
		}
	}
	if len(names) != 1 {
		return "", fmt.Errorf("load %s: it has %d images, want one: %s", i.step.Archive, len(names), strings.Join(names, ", "))
	}
	return names[0], nil
}

// pull gets an image that the engine does not have. One that is there is not asked for again: a tag that moved is no
// reason to change a developer's machine.
func (i images) pull(ctx context.Context) error {
	if id, err := i.id(ctx, i.step.Image); err != nil || id != "" {
		return err
	}
	i.target.Progress("pulling " + i.step.Image)
	pulled, err := i.engine.ImagePull(ctx, i.step.Image, client.ImagePullOptions{})
	if err != nil {
		return fmt.Errorf("pull %s: %w", i.step.Image, err)
	}
	defer pulled.Close()
	if _, err := i.follow(pulled.JSONMessages(ctx), nil); err != nil {
		return fmt.Errorf("pull %s: %w", i.step.Image, err)
	}
	return nil
}

// drop removes an image that the step built earlier, unless something else uses it still, another step's name included.
func (i images) drop(ctx context.Context, id string) {
	if image, err := i.engine.ImageInspect(ctx, id); err == nil && len(image.RepoTags) > 0 {
		return
	}
	if _, err := i.engine.ImageRemove(ctx, id, client.ImageRemoveOptions{PruneChildren: true}); err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
		_, _ = fmt.Fprintf(i.target.Output, "the old image %s was not removed: %v\n", id, err)
	}
}

// messages decodes what the engine says about a build or a load.
func messages(body io.Reader) iter.Seq2[jsonstream.Message, error] {
	return func(yield func(jsonstream.Message, error) bool) {
		decoder := json.NewDecoder(body)
		for {
			var message jsonstream.Message
			err := decoder.Decode(&message)
			if errors.Is(err, io.EOF) || !yield(message, err) || err != nil {
				return
			}
		}
	}
}

// follow hands the engine's words on and returns the end of them; its error has that too. see, if not nil, is told what it says.
func (i images) follow(all iter.Seq2[jsonstream.Message, error], see func(text string)) (string, error) {
	output := tail.NewWriter(i.target.Output)
	for message, err := range all {
		if err != nil {
			return "", output.Annotate(err)
		}
		if message.Error != nil {
			return "", output.Annotate(errors.New(strings.TrimSpace(message.Error.Message)))
		}
		line := message.Stream
		if see != nil {
			see(line)
		}
		if message.Status != "" && message.Progress == nil {
			line = strings.TrimPrefix(message.ID+": ", ": ") + message.Status + "\n"
		}
		if _, err := io.WriteString(output, line); err != nil {
			return "", err
		}
	}
	return output.String(), nil
}
