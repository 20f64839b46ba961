// Package containerengine reaches the container engine that serves a machine and, in a VM that has none, installs it.
package containerengine

import (
	"context"
	_ "embed" // for the script
	"errors"
	"fmt"
	"net"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/apt"
	"github.com/colabo/colabo/provisioners/tail"
)

// SocketPath is where the container engine in a guest listens.
const SocketPath = "/run/docker.sock"

//go:embed install.sh
var installScript string

// Install makes sure that a container engine runs in the guest and that the login user reaches it at SocketPath.
// Where one answers already, that costs one connection; else it is installed from the distribution, in one round trip.
// Of the target it uses Guest, User, Output and Progress.
func Install(ctx context.Context, target provisioners.Target) error {
	if ping(ctx, target.Guest) == nil {
		return nil
	}
	target.Progress("installing the container engine")
	output := tail.NewWriter(target.Output)
	err := target.Guest.Run(ctx, guest.Command{
		Argv:   []string{"sh", "-c", apt.Function + installScript, "colabo-engine", target.User},
		User:   "root",
		Stdout: output,
		Stderr: output,
	})
	if exit, ok := errors.AsType[*guest.ExitError](err); ok {
		named := *exit
		named.Argv = []string{"install the container engine"}
		return output.Annotate(&named)
	}
	if err != nil {
		return err
	}
	if err := ping(ctx, target.Guest); err != nil {
		err = fmt.Errorf("reach the container engine in the machine as %s: %w", target.User, err)
		return hint.New(err, "the user must be in the group docker before it logs in; `colabo reload` starts the machine anew")
	}
	return nil
}

// ping asks the engine in the guest whether it is there.
func ping(ctx context.Context, g guest.Guest) error {
	engine, err := Open(providers.ContainerEngine{
		Dial: func(ctx context.Context) (net.Conn, error) { return g.Dial(ctx, "unix", SocketPath) },
	})
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }() // closes idle connections; never fails
	_, err = engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	return err
}

// Open returns a client of the engine. Nothing is asked of it yet.
func Open(engine providers.ContainerEngine) (*client.Client, error) {
	return client.New(client.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return engine.Dial(ctx)
	}))
}
