package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/colabo/colabo/internal/cloudinit"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// cleanupTime is how long a Create that was cut off may take to remove what it made.
const cleanupTime = 30 * time.Second

// errHalfMade is a machine that has volumes and no domain.
var errHalfMade = errors.New("the machine is half made")

// blueprint is what Create knows before it makes anything.
type blueprint struct {
	spec     providers.Spec
	hardware hardware
	source   *source
	seed     []byte // the ISO
	size     int64  // of the root disk, bytes
}

// Create makes the machine; see providers.Provider. The domain is defined last: a machine that has one is whole.
func (p *provider) Create(ctx context.Context, spec providers.Spec, report providers.Report) error {
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	status, err := p.inspect(ctx, conn, spec.ID)
	switch {
	case err == nil && status.State != providers.Broken:
		return nil
	case err != nil && !errors.Is(err, providers.ErrNotFound):
		return err
	}
	plan, err := p.plan(spec)
	if err != nil {
		return fmt.Errorf("create %s: %w", spec.Machine, err)
	}
	defer plan.source.file.Close()
	if status.State == providers.Broken {
		if err := p.Destroy(ctx, spec.ID); err != nil {
			return err
		}
	}
	if err := p.build(ctx, conn, plan, report); err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer cancel()
		return fmt.Errorf("create %s: %w", spec.Machine, errors.Join(err, p.Destroy(cleanup, spec.ID)))
	}
	return nil
}

// plan finds out what is wrong with a Spec before anything is made.
func (p *provider) plan(spec providers.Spec) (*blueprint, error) {
	options, err := optionsOf(spec)
	if err != nil {
		return nil, err
	}
	hw, err := p.accel.hardware(options)
	if err != nil {
		return nil, err
	}
	if _, err := net.ParseMAC(spec.MAC); err != nil {
		return nil, fmt.Errorf("address of the network card: %w", err)
	}
	seed, err := cloudinit.ISO(spec.CloudInit)
	if err != nil {
		return nil, err
	}
	src, err := openSource(spec.Image)
	if err != nil {
		return nil, err
	}
	return &blueprint{
		spec: spec, hardware: hw, source: src, seed: seed,
		size: max(spec.Disk, spec.Image.DiskSize, src.virtualSize),
	}, nil
}

// build makes everything that belongs to the machine. What it made before an error is left to the caller.
func (p *provider) build(ctx context.Context, conn *binding.Connect, plan *blueprint, report providers.Report) error {
	pool, err := p.ensurePool(ctx, conn)
	if err != nil {
		return err
	}
	defer free(pool)
	// The box first: it is no part of the machine, and stays whatever happens.
	box, err := p.ensureBox(ctx, conn, pool, plan.source, report)
	if err != nil {
		return err
	}
	if p.accel.warning != "" {
		report(p.accel.warning)
	}
	report("making disks and network")
	// The seed is small and made before anything else, so that a machine that is half made always shows.
	var made parts
	made.seed, err = createVolume(ctx, conn, pool,
		rawVolume(volumeName(plan.spec, seedVolume), "0600"), bytes.NewReader(plan.seed))
	if err != nil {
		return err
	}
	joined := make(chan error, 1)
	go func() {
		var err error
		made.network, err = p.joinNetwork(ctx, conn, newMember(plan.spec))
		joined <- err
	}()
	made.root, err = createVolume(ctx, conn, pool,
		overlayVolume(volumeName(plan.spec, rootVolume), plan.size, box), nil)
	if err == nil {
		made.console, err = createVolume(ctx, conn, pool,
			rawVolume(volumeName(plan.spec, consoleVolume), "0600"), nil)
	}
	if err := errors.Join(err, <-joined); err != nil {
		return err
	}
	if err := p.boxStillThere(ctx, conn, pool, plan.source, box); err != nil {
		return err
	}
	return define(ctx, conn, newDomain(plan.spec, plan.hardware, made))
}

// boxStillThere makes sure that nobody removed the box between the moment it was found and the moment the overlay,
// which RemoveImage looks for, was there.
func (p *provider) boxStillThere(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, src *source, path string) error {
	again, err := p.ensureBox(ctx, conn, pool, src, func(string) {})
	if err == nil && again != path {
		err = fmt.Errorf("box %s was removed meanwhile", src.image.Name)
	}
	return err
}

// define makes the domain.
func define(ctx context.Context, conn *binding.Connect, document domainXML) error {
	text, err := encode(document)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	domain, err := conn.DomainDefineXMLFlags(text, 0)
	if err != nil {
		return fmt.Errorf("define domain %s: %w", document.Name, err)
	}
	free(domain)
	return nil
}
