package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/colabo/colabo/internal/cloudinit"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

var _ providers.Modifier = (*provider)(nil)

// Modify describes the domain anew, around the disks that it has; see providers.Modifier. The description comes last: until it is
// there, the machine's tag says that it is to be done again.
func (p *provider) Modify(ctx context.Context, spec providers.Spec, report providers.Report) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("change %s: %w", spec.Machine, err)
	}
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	m, err := p.machine(ctx, conn, spec.ID)
	if err != nil {
		return err
	}
	defer free(m)
	if err := p.modify(ctx, conn, m, spec, report); err != nil {
		return fmt.Errorf("change %s: %w", spec.Machine, err)
	}
	return nil
}

func (p *provider) modify(ctx context.Context, conn *binding.Connect, m *machine, spec providers.Spec, report providers.Report) error {
	state, _, err := m.GetState()
	if err != nil {
		return fmt.Errorf("state of domain %s: %w", m.Name, err)
	}
	if state != binding.DOMAIN_SHUTOFF && state != binding.DOMAIN_CRASHED {
		return errors.New("it runs, and has to be stopped before")
	}
	options, err := optionsOf(spec)
	if err != nil {
		return err
	}
	hw, err := p.accel.hardware(options)
	if err != nil {
		return err
	}
	made, err := m.parts()
	if err != nil {
		return err
	}
	pool, err := p.ensurePool(ctx, conn)
	if err != nil {
		return err
	}
	defer free(pool)
	report("changing disks")
	if err := p.growRoot(pool, made.root, spec.Disk); err != nil {
		return err
	}
	if err := replaceSeed(ctx, conn, pool, made.seed, spec.CloudInit); err != nil {
		return err
	}
	if err := p.rename(ctx, conn, m, spec); err != nil {
		return err
	}
	report("describing the machine anew")
	document := newDomain(spec, hw, made)
	document.Name = m.Name // the project may have another name by now
	document.Metadata.Machine.Image, document.Metadata.Machine.ImageDigest = m.tag().Image, m.tag().ImageDigest
	return define(ctx, conn, document)
}

// parts are what the machine was made with.
func (m *machine) parts() (parts, error) {
	var made parts
	for _, disk := range m.Devices.Disks {
		switch {
		case disk.Serial == seedSerial:
			made.seed = disk.Source.File
		case disk.Target.Dev == rootDevice:
			made.root = disk.Source.File
		}
	}
	if len(m.Devices.Serials) > 0 {
		made.console = m.Devices.Serials[0].Source.Path
	}
	if len(m.Devices.Interfaces) > 0 {
		made.network = m.Devices.Interfaces[0].Source.Network
	}
	if made.root == "" || made.seed == "" || made.network == "" {
		return made, errors.New("somebody took its root disk, its seed or its network card away")
	}
	return made, nil
}

// growRoot makes the root disk as large as it should be, in bytes; 0 leaves it as it is. The guest's own cloud-init grows the file system.
func (p *provider) growRoot(pool *binding.StoragePool, path string, size int64) error {
	if size == 0 {
		return nil
	}
	v, err := pool.LookupStorageVolByName(filepath.Base(path))
	if err != nil {
		return fmt.Errorf("find disk %s: %w", path, err)
	}
	defer free(v)
	info, err := v.GetInfoFlags(0)
	if err != nil {
		return fmt.Errorf("look at disk %s: %w", path, err)
	}
	switch has := int64(info.Capacity); {
	case has > size:
		return fmt.Errorf("its disk has %dMiB, and can't shrink to %dMiB", has>>20, size>>20)
	case has < size:
		if err := v.Resize(uint64(size), 0); err != nil {
			return fmt.Errorf("grow disk %s: %w", path, err)
		}
	}
	return nil
}

// replaceSeed writes another seed into the volume that the machine has. Cut off in the middle it is no seed, until the
// next Modify writes it anew.
func replaceSeed(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, path string, config cloudinit.Config) error {
	image, err := cloudinit.ISO(config)
	if err != nil {
		return err
	}
	v, err := pool.LookupStorageVolByName(filepath.Base(path))
	if err != nil {
		return fmt.Errorf("find seed %s: %w", path, err)
	}
	defer free(v)
	info, err := v.GetInfoFlags(0)
	if err == nil && info.Capacity < uint64(len(image)) {
		err = v.Resize(uint64(len(image)), 0)
	}
	if err == nil {
		err = upload(ctx, conn, volume{name: filepath.Base(path), StorageVol: v}, bytes.NewReader(image))
	}
	if err != nil {
		return fmt.Errorf("write seed %s: %w", path, err)
	}
	return nil
}

// rename has the project's other machines find the machine by its new host name.
func (p *provider) rename(ctx context.Context, conn *binding.Connect, m *machine, spec providers.Spec) error {
	if m.tag().Hostname == spec.Hostname {
		return nil
	}
	release, err := p.networkLock.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	n, err := findNetwork(conn, spec.Project)
	if n == nil || err != nil {
		return err // Start makes it, with the names that the tag has by then
	}
	defer free(n)
	address := n.address(m.mac())
	if address == "" {
		return nil
	}
	if err := n.silence(address); err != nil {
		return err
	}
	return n.announce(newMember(spec), address)
}

// Differs compares the domain's description with the one that it should have; see providers.Modifier. What "auto" stands for is
// not compared: it may be something else by now.
func (p *provider) Differs(ctx context.Context, spec providers.Spec) (map[string]string, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	m, err := p.machine(ctx, conn, spec.ID)
	if err != nil {
		return nil, err
	}
	defer free(m)
	options, err := optionsOf(spec)
	if err != nil {
		return nil, err
	}
	differs := m.differs(spec, options)
	if state, _, err := m.GetState(); err != nil || state == binding.DOMAIN_SHUTOFF {
		return differs, nil // its network is seen to when it starts
	}
	n, err := findNetwork(conn, spec.Project)
	if err != nil {
		return nil, err
	}
	if n == nil {
		differs["network"] = "is gone"
		return differs, nil
	}
	defer free(n)
	if active, err := n.IsActive(); err == nil && !active {
		differs["network"] = "was stopped"
	}
	return differs, nil
}

// differs compares the hardware.
func (m *machine) differs(spec providers.Spec, options *Options) map[string]string {
	differs := map[string]string{}
	compare := func(key, now, want string) {
		if now != want {
			differs[key] = fmt.Sprintf("is %s, not %s", now, want)
		}
	}
	want := newDomain(spec, hardware{}, parts{})
	memory := m.Memory // libvirt describes it in KiB, whatever it was given in
	if m.CurrentMemory != nil {
		memory = *m.CurrentMemory
	}
	cpus := m.VCPU.Value
	if m.VCPU.Current != 0 {
		cpus = m.VCPU.Current
	}
	compare("memory", fmt.Sprintf("%dMiB", memory.Value>>10), fmt.Sprintf("%dMiB", want.Memory.Value>>10))
	compare("cpus", fmt.Sprint(cpus), fmt.Sprint(want.VCPU.Value))
	board := machinePC
	if strings.Contains(m.OS.Type.Machine, machineQ35) {
		board = machineQ35
	}
	if options.Machine != "" {
		compare(name+".machine", board, options.Machine)
	}
	if options.CPUMode != "" {
		compare(name+".cpu_mode", m.CPU.Mode, options.CPUMode)
	}
	if types := map[string]string{acceleratorKVM: "kvm", acceleratorTCG: "qemu"}; types[options.Accelerator] != "" {
		compare(name+".accelerator", m.Type, types[options.Accelerator])
	}
	return differs
}
