package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
)

// unavailable makes err one that says that the engine can't be used, with what to do about it.
func unavailable(err error, advice string) error {
	err = fmt.Errorf("%w: %w", providers.ErrUnavailable, err)
	if advice == "" {
		return err
	}
	return hint.New(err, advice)
}

// unreachable says why a request could not be put to the engine. The library drops the system's error from its own, so
// the socket is tried once more for it.
func (p *Provider) unreachable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("ask the docker engine: %w", context.Cause(ctx))
	}
	conn, dialErr := p.engine.Dialer()(context.WithoutCancel(ctx))
	if dialErr == nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		dialErr = err
	}
	return unusable(p.engine.DaemonHost(), dialErr)
}

// unusable is the error about an engine that can't be used, for the reason that dialing or asking it gave.
func unusable(host string, reason error) error {
	switch {
	case errors.Is(reason, fs.ErrPermission):
		return unavailable(fmt.Errorf("no permission to use the docker engine at %s", host),
			"run `sudo usermod -aG docker $USER` and log in again")
	case errors.Is(reason, fs.ErrNotExist), errors.Is(reason, syscall.ECONNREFUSED):
		return unavailable(fmt.Errorf("the docker engine is not running: nobody answers at %s", host), startAdvice(host))
	}
	advice := ""
	if !strings.HasPrefix(host, "unix://") {
		advice = "correct the engine's address, or unset DOCKER_HOST"
	}
	return unavailable(fmt.Errorf("docker engine at %s: %w", host, reason), advice)
}

// addressAdvice says what to do about an engine's address that can't be used, by where the address is from.
func addressAdvice(configured string) string {
	const want = "unix:///PATH or tcp://HOST:PORT"
	switch {
	case configured != "":
		return "make host under [provider.docker] " + want
	case os.Getenv(client.EnvOverrideHost) != "":
		return "make DOCKER_HOST " + want + ", or unset it"
	}
	return "run `docker context use default`"
}

// startAdvice says how the engine is started here.
func startAdvice(host string) string {
	if !strings.HasPrefix(host, "unix://") {
		return "start the engine there, or unset DOCKER_HOST"
	}
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		return "run `sudo systemctl start docker`"
	}
	if _, err := exec.LookPath("dockerd"); err == nil {
		return "run `sudo dockerd &`"
	}
	return "install Docker (Debian, Ubuntu: `sudo apt-get install docker.io`) and start it"
}

// failed names the operation that an error of the engine belongs to, and gives the error the sentinel it stands for.
func (p *Provider) failed(ctx context.Context, operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", operation, context.Cause(ctx))
	case client.IsErrConnectionFailed(err):
		return fmt.Errorf("%s: %w", operation, p.unreachable(ctx, err))
	}
	return fmt.Errorf("%s: %w", operation, enginesWords(err))
}

// enginesWords shortens an error of the engine to the engine's own words, and recognises a full disk. The API has no
// other sign of that than the text.
func enginesWords(err error) error {
	if strings.Contains(err.Error(), "no space left on device") {
		return hint.New(fmt.Errorf("%w where docker keeps images and containers: %w", providers.ErrNoSpace, err),
			"free some: `docker system df` says what takes it")
	}
	return err
}
