package libvirt

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/colabo/colabo/internal/cloudinit"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// maxSeed is more than any seed of ours takes, in bytes.
const maxSeed = 16 << 20

// Identity reads the machine's seed, which has all that cloud-init was given. It implements providers.Adopter.
func (p *provider) Identity(ctx context.Context, id providers.ID) (cloudinit.Identity, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return cloudinit.Identity{}, err
	}
	m, err := p.machine(ctx, conn, id)
	if err != nil {
		return cloudinit.Identity{}, err
	}
	defer free(m)
	seed := ""
	for _, disk := range m.Devices.Disks {
		if disk.Serial == seedSerial {
			seed = disk.Source.File
		}
	}
	if seed == "" {
		return cloudinit.Identity{}, fmt.Errorf("domain %s has no seed", m.Name)
	}
	pool, err := p.ensurePool(ctx, conn)
	if err != nil {
		return cloudinit.Identity{}, err
	}
	defer free(pool)
	image, err := readEnd(ctx, conn, pool, filepath.Base(seed), maxSeed)
	if err != nil {
		return cloudinit.Identity{}, fmt.Errorf("read seed of %s: %w", m.Name, err)
	}
	return cloudinit.ReadISO(bytes.NewReader(image))
}

// Authorize asks the guest's agent (qemu-guest-agent) to add the key. It implements providers.Adopter.
func (p *provider) Authorize(ctx context.Context, id providers.ID, user, authorizedKey string) error {
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	m, err := p.machine(ctx, conn, id)
	if err != nil {
		return err
	}
	defer free(m)
	if err := m.AuthorizedSSHKeysSet(user, []string{authorizedKey}, binding.DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND); err != nil {
		return fmt.Errorf("ask the guest agent of domain %s: %w", m.Name, err)
	}
	return nil
}
