package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/dockerguest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// OpenGuest implements providers.GuestOpener. The guest is usable at once, before the machine's services are up.
func (p *Provider) OpenGuest(ctx context.Context, id providers.ID, user string) (guest.Guest, error) {
	summary, err := p.summary(ctx, id)
	if err != nil {
		return nil, err
	}
	if state := stateOf(summary.State); state != providers.Running {
		return nil, hint.New(fmt.Errorf("machine %s is %s", id.Machine, state), "run `colabo up "+id.Machine+"`")
	}
	return dockerguest.New(p.engine, summary.ID, user), nil
}

// ContainerEngine implements providers.ContainerHost: the engine that runs the machine, and the machine's network namespace.
func (p *Provider) ContainerEngine(ctx context.Context, id providers.ID) (providers.ContainerEngine, error) {
	machine, err := p.find(ctx, id)
	if err != nil {
		return providers.ContainerEngine{}, err
	}
	return providers.ContainerEngine{
		Dial:        p.engine.Dialer(),
		NetworkMode: "container:" + machine.container,
		Labels:      map[string]string{labelProject: id.Project, labelMachine: id.Machine},
	}, nil
}

// Console implements providers.ConsoleReader: what the container's init wrote since the last start.
func (p *Provider) Console(ctx context.Context, id providers.ID, limit int) ([]byte, error) {
	machine, err := p.find(ctx, id)
	if err != nil {
		return nil, err
	}
	operation := "read the console of machine " + id.Machine
	inspected, err := p.engine.ContainerInspect(ctx, machine.container, client.ContainerInspectOptions{})
	if err != nil {
		return nil, p.failed(ctx, operation, err)
	}
	options := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true}
	if state := inspected.Container.State; state != nil && !startedAt(inspected.Container).IsZero() {
		options.Since = state.StartedAt
	}
	logs, err := p.engine.ContainerLogs(ctx, machine.container, options)
	if err != nil {
		return nil, p.failed(ctx, operation, err)
	}
	defer logs.Close()
	end := &tail{limit: max(limit, 0)}
	if inspected.Container.Config != nil && inspected.Container.Config.Tty {
		_, err = io.Copy(end, logs)
	} else {
		_, err = stdcopy.StdCopy(end, end, logs)
	}
	if err != nil {
		return nil, p.failed(ctx, operation, err)
	}
	return end.bytes(), nil
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	kept  bytes.Buffer
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.kept.Write(p)
	if t.kept.Len() > 2*t.limit {
		t.kept.Next(t.kept.Len() - t.limit)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	all := t.kept.Bytes()
	return bytes.Clone(all[max(0, len(all)-t.limit):])
}
