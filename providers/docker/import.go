package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// importedBox returns the id of a box's own image; a box that the engine does not have is imported. The engine makes the
// image at the end of the stream, or not at all.
func (p *Provider) importedBox(ctx context.Context, image providers.Image, report providers.Report) (string, error) {
	id, err := p.findBox(ctx, image.Digest)
	if id != "" || err != nil {
		return id, err
	}
	operation := fmt.Sprintf("import box %s into docker", image.Name)
	file, err := os.Open(image.Rootfs)
	if err != nil {
		return "", fmt.Errorf("%s: %w", operation, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("%s: %w", operation, err)
	}
	if info.Size() == 0 {
		return "", fmt.Errorf("%s: %s is empty", operation, image.Rootfs)
	}
	counted := &progress{from: file, whole: info.Size(), report: report, operation: operation}
	content, err := zstd.NewReader(counted)
	if err != nil {
		return "", fmt.Errorf("%s: %w", operation, err)
	}
	defer content.Close()
	report(operation)
	source := &remembering{from: content}
	response, err := p.engine.ImageImport(ctx, client.ImageImportSource{Source: source, SourceName: "-"},
		boxRepository+":"+boxTag(image), client.ImageImportOptions{
			Message: "box " + image.Name,
			Changes: []string{`CMD ["/sbin/init"]`, fmt.Sprintf("LABEL %s=%q", labelBox, image.Digest)},
		})
	if err == nil {
		err = drain(response)
		_ = response.Close()
	}
	if source.err != nil && ctx.Err() == nil {
		return "", fmt.Errorf("%s: read %s: %w", operation, image.Rootfs, source.err)
	}
	if err != nil {
		return "", p.failed(ctx, operation, err)
	}
	return p.findBox(ctx, image.Digest)
}

// findBox returns the id of a box's own image, "" where the engine has none.
func (p *Provider) findBox(ctx context.Context, digest string) (string, error) {
	list, err := p.engine.ImageList(ctx, client.ImageListOptions{Filters: match(labelBox, digest)})
	if err != nil {
		return "", p.failed(ctx, "look for the box's image", err)
	}
	for _, image := range list.Items {
		if image.Labels[labelPrepared] == "" {
			return image.ID, nil
		}
	}
	return "", nil
}

// progress reports each tenth of a file that was read.
type progress struct {
	from      io.Reader
	read      int64
	whole     int64
	reported  int64
	report    providers.Report
	operation string
}

// Read implements io.Reader.
func (r *progress) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.read += int64(n)
	if r.whole > 0 {
		if tenth := 10 * r.read / r.whole; tenth > r.reported && tenth < 10 {
			r.reported = tenth
			r.report(fmt.Sprintf("%s: %d %%", r.operation, 10*tenth))
		}
	}
	return n, err
}

// remembering keeps the error that ended reading, which a request's own error hides.
type remembering struct {
	from io.Reader
	err  error
}

// Read implements io.Reader.
func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// drain reads what the engine says about an import; a message with an error is how it says that it failed.
func drain(messages io.Reader) error {
	decoder := json.NewDecoder(messages)
	for {
		var message jsonstream.Message
		switch err := decoder.Decode(&message); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case message.Error != nil:
			return message.Error
		}
	}
}
