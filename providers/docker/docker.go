// Package docker runs machines as containers of a Docker engine: containers that boot the image's own systemd, so that
// services behave as in a VM, or that just stay up where the image has none.
//
// A machine is one container on a network of its project. It is made in one step, from an image that was prepared for it
// before (box imported or image pulled, login user put in, see prepare.go); so there are no half-made machines. Everything
// is found by its labels (label.go), never by its name. App containers of a machine run on the same engine
// in the machine's network namespace; they start, stop and go with it (apps.go).
//
// The way into such a machine is package dockerguest. What a provision step does with the engine is the step's business.
package docker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// name is the provider's name in a Colabofile.
const name = "docker"

// openTimeout is how long an engine may take to say its first word; one that hangs is not usable.
const openTimeout = 10 * time.Second

// Kind lists the provider: its name, how it is opened, and its blocks of the Colabofile.
func Kind() providers.Kind {
	return providers.Kind{
		Name: name,
		Open: func(ctx context.Context, config providers.Config) (providers.Provider, error) {
			return Open(ctx, config)
		},
		Options:  func() any { return new(Options) },
		Settings: func() any { return new(Settings) },
		Changes:  changes(),
	}
}

// Provider runs machines on one Docker engine. Make one with Open.
type Provider struct {
	engine   *client.Client
	cacheDir string
	log      *slog.Logger
	// portPatience is the constant of that name, less in tests.
	portPatience time.Duration

	// making is held shared while a machine is made on a network, and alone while a network without machines is removed.
	making sync.RWMutex
	// networks makes two goroutines not create the same network; processes see to it in ensureNetwork.
	networks sync.Mutex
	// images makes goroutines prepare one image after the other; processes see to it by lock files.
	images sync.Mutex

	facts    sync.Mutex
	hardware *hardware // asked once, see engineHardware
}

var (
	_ providers.Provider      = (*Provider)(nil)
	_ providers.GuestOpener   = (*Provider)(nil)
	_ providers.ContainerHost = (*Provider)(nil)
	_ providers.ConsoleReader = (*Provider)(nil)
	_ providers.ImageRemover  = (*Provider)(nil)
)

// Open connects to the engine that the docker command would use: $DOCKER_HOST, else the current context, else the
// system's socket; Settings.Host comes before all of them. Its error wraps providers.ErrUnavailable.
func Open(ctx context.Context, config providers.Config) (*Provider, error) {
	settings, _ := config.Settings.(*Settings)
	if settings == nil {
		settings = &Settings{}
	}
	options, err := endpoint(settings.Host)
	if err != nil {
		return nil, unavailable(fmt.Errorf("find the docker engine: %w", err), addressAdvice(settings.Host))
	}
	engine, err := client.New(options...)
	if err != nil {
		return nil, unavailable(fmt.Errorf("find the docker engine: %w", err), addressAdvice(settings.Host))
	}
	p := &Provider{engine: engine, cacheDir: config.CacheDir, log: config.Log, portPatience: portPatience}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout, fmt.Errorf("no answer in %v", openTimeout))
	defer cancel()
	ping, err := engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	if err != nil {
		_ = engine.Close()
		return nil, p.unreachable(ctx, err)
	}
	if ping.OSType != "" && ping.OSType != "linux" {
		_ = engine.Close()
		return nil, unavailable(fmt.Errorf("the docker engine at %s runs %s containers", engine.DaemonHost(), ping.OSType),
			"switch the engine to Linux containers")
	}
	return p, nil
}

// Name implements providers.Provider.
func (p *Provider) Name() string { return name }

// Features implements providers.Provider.
func (p *Provider) Features() providers.Features {
	return providers.Features{PublishesPorts: true, References: true}
}

// Check implements providers.Provider; it returns a line like "docker 20.10.24, unix:///var/run/docker.sock".
func (p *Provider) Check(ctx context.Context) (string, error) {
	version, err := p.engine.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", p.unreachable(ctx, err)
	}
	number, _, _ := strings.Cut(version.Version, "+")
	return fmt.Sprintf("docker %s, %s", number, p.engine.DaemonHost()), nil
}

// Close implements providers.Provider. Guests that were opened need the provider open.
func (p *Provider) Close() error { return p.engine.Close() }

// hardware is what machines are cut from.
type hardware struct {
	cpus   int
	memory int64 // bytes
}

// engineHardware asks the engine once; it takes the engine a while to answer.
func (p *Provider) engineHardware(ctx context.Context) (hardware, error) {
	p.facts.Lock()
	defer p.facts.Unlock()
	if p.hardware != nil {
		return *p.hardware, nil
	}
	answer, err := p.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return hardware{}, p.failed(ctx, "ask the engine about itself", err)
	}
	p.hardware = &hardware{cpus: answer.Info.NCPU, memory: answer.Info.MemTotal}
	return *p.hardware, nil
}
