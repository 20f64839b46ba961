package libvirt

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// machine is a domain of ours and its description.
type machine struct {
	*binding.Domain
	domainXML
}

// tag is what makes the domain ours.
func (m *machine) tag() *machineTag { return m.Metadata.Machine }

// mac is the address of the first network card.
func (m *machine) mac() string {
	if len(m.Devices.Interfaces) == 0 {
		return ""
	}
	return m.Devices.Interfaces[0].MAC.Address
}

// describeMachine reads a domain's description; nil when the domain is not ours.
func describeMachine(domain *binding.Domain) (*machine, error) {
	m := &machine{Domain: domain}
	text, err := domain.GetXMLDesc(binding.DOMAIN_XML_INACTIVE)
	if err != nil {
		return nil, err
	}
	if err := decode(text, &m.domainXML); err != nil {
		return nil, err
	}
	// A copy that a user made of one of our domains carries our tag too. It is theirs.
	if m.Metadata.Machine == nil || m.UUID != machineUUID(m.tag().id()) {
		return nil, nil
	}
	return m, nil
}

// findMachine returns a machine's domain; nil when there is none. The caller frees it.
func findMachine(conn *binding.Connect, id providers.ID) (*machine, error) {
	domain, err := conn.LookupDomainByUUIDString(machineUUID(id))
	if binding.HasCode(err, binding.ERR_NO_DOMAIN) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find domain of %s: %w", id.Machine, err)
	}
	m, err := describeMachine(domain)
	if err == nil && (m == nil || m.tag().id() != id) {
		err = fmt.Errorf("domain %s has no tag of colabo", machineUUID(id))
	}
	if err != nil {
		free(domain)
		return nil, fmt.Errorf("find domain of %s: %w", id.Machine, err)
	}
	return m, nil
}

// Inspect says how the machine is. A machine without a domain is Broken as long as it has volumes.
func (p *provider) Inspect(ctx context.Context, id providers.ID) (providers.Status, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return providers.Status{}, err
	}
	return p.inspect(ctx, conn, id)
}

func (p *provider) inspect(ctx context.Context, conn *binding.Connect, id providers.ID) (providers.Status, error) {
	m, err := findMachine(conn, id)
	if err != nil {
		return providers.Status{}, err
	}
	if m == nil {
		owners, err := p.volumeOwners(ctx, conn)
		if err != nil {
			return providers.Status{}, err
		}
		if volumeName, ok := owners[id]; ok {
			return halfMadeStatus(id, volumeName), nil
		}
		return providers.Status{}, fmt.Errorf("%s: %w", id.Machine, providers.ErrNotFound)
	}
	defer free(m)
	status, err := p.status(ctx, conn, m)
	if err != nil {
		return providers.Status{}, err
	}
	n, err := findNetwork(conn, id.Project)
	if err != nil {
		return providers.Status{}, err
	}
	if n != nil {
		defer free(n)
		status.Address = n.address(m.mac())
	}
	return status, nil
}

// status is a machine's status without its address.
func (p *provider) status(ctx context.Context, conn *binding.Connect, m *machine) (providers.Status, error) {
	tag := m.tag()
	status := providers.Status{
		ID:          tag.id(),
		Ref:         m.Name,
		Digest:      tag.Digest,
		ImageDigest: tag.ImageDigest,
		ProjectDir:  tag.ProjectDir,
	}
	state, reason, err := m.GetState()
	if err != nil {
		return status, fmt.Errorf("state of domain %s: %w", m.Name, err)
	}
	var diskErrors []binding.DomainDiskError
	if state == binding.DOMAIN_PAUSED && reason == binding.DOMAIN_PAUSED_IOERROR {
		if diskErrors, err = m.GetDiskErrors(0); err != nil {
			p.log.Debug("libvirt: disk errors", "domain", m.Name, "error", err)
		}
	}
	status.State, status.Detail = stateOf(state, reason, diskErrors)
	if status.State == providers.Stopped {
		missing, err := p.missingDisk(ctx, conn, m)
		if err != nil {
			return status, err
		}
		if missing != "" {
			status.State, status.Detail = providers.Broken, missing+" is missing"
		}
	}
	return status, nil
}

// stateOf translates libvirt's state and its reason.
func stateOf(state binding.DomainState, reason int, diskErrors []binding.DomainDiskError) (providers.State, string) {
	switch state {
	case binding.DOMAIN_SHUTOFF:
		switch reason {
		case binding.DOMAIN_SHUTOFF_CRASHED:
			return providers.Stopped, "it crashed, or its QEMU was killed"
		case binding.DOMAIN_SHUTOFF_FAILED:
			return providers.Stopped, "its last start did not succeed"
		}
		return providers.Stopped, ""
	case binding.DOMAIN_CRASHED:
		return providers.Broken, "it crashed"
	case binding.DOMAIN_PMSUSPENDED:
		return providers.Paused, "the guest sleeps"
	case binding.DOMAIN_PAUSED:
		switch reason {
		case binding.DOMAIN_PAUSED_IOERROR:
			return providers.Paused, diskErrorText(diskErrors)
		case binding.DOMAIN_PAUSED_CRASHED:
			return providers.Broken, "it crashed"
		case binding.DOMAIN_PAUSED_STARTING_UP:
			return providers.Running, "it is starting"
		}
		return providers.Paused, ""
	case binding.DOMAIN_SHUTDOWN:
		return providers.Running, "it is shutting down"
	default:
		return providers.Running, ""
	}
}

// diskErrorText says why a guest was paused.
func diskErrorText(diskErrors []binding.DomainDiskError) string {
	for _, e := range diskErrors {
		if e.Error == binding.DOMAIN_DISK_ERROR_NO_SPACE {
			return fmt.Sprintf("paused: no space left on the host for its disk %s", e.Disk)
		}
	}
	if len(diskErrors) > 0 {
		return fmt.Sprintf("paused: I/O error on its disk %s", diskErrors[0].Disk)
	}
	return "paused: I/O error on a disk"
}

// missingDisk is the path of a disk whose file is gone, or "".
func (p *provider) missingDisk(ctx context.Context, conn *binding.Connect, m *machine) (string, error) {
	pool, err := p.existingPool(ctx, conn)
	if err != nil {
		return "", err
	}
	if pool != nil {
		defer free(pool)
	}
	for _, disk := range m.Devices.Disks {
		if pool == nil || !volumeExists(pool, filepath.Base(disk.Source.File)) {
			return disk.Source.File, nil
		}
	}
	return "", nil
}

// volumeExists says whether the volume is known and its file is there.
func volumeExists(pool *binding.StoragePool, volumeName string) bool {
	v, err := pool.LookupStorageVolByName(volumeName)
	if err != nil {
		return false
	}
	defer free(v)
	_, err = v.GetInfoFlags(0)
	return err == nil
}
