package libvirt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// undefineAll removes a domain's definition with all that could stand in the way.
const undefineAll = binding.DOMAIN_UNDEFINE_MANAGED_SAVE | binding.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
	binding.DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | binding.DOMAIN_UNDEFINE_NVRAM

// Destroy removes the machine, its volumes and its address, and the project's network with its last machine.
func (p *provider) Destroy(ctx context.Context, id providers.ID) error {
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	m, err := findMachine(conn, id)
	if err != nil {
		return err
	}
	if m != nil {
		err = m.remove()
		free(m)
		if err != nil {
			return err
		}
	}
	if err := p.leaveNetwork(ctx, conn, id); err != nil {
		return err
	}
	// Volumes go last: as long as one is there, the machine is listed.
	return p.removeVolumes(ctx, conn, func(owner providers.ID) bool { return owner == id })
}

// Purge removes the project's machines, volumes and network.
func (p *provider) Purge(ctx context.Context, project string) error {
	if project == "" {
		return errors.New("purge: no project is named")
	}
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	if err := p.eachMachine(ctx, conn, project, (*machine).remove); err != nil {
		return err
	}
	if err := p.purgeNetwork(ctx, conn, project); err != nil {
		return err
	}
	return p.removeVolumes(ctx, conn, func(owner providers.ID) bool { return owner.Project == project })
}

// remove turns the machine off and removes its definition.
func (m *machine) remove() error {
	if err := m.turnOff(); err != nil {
		return fmt.Errorf("turn off domain %s: %w", m.Name, err)
	}
	if err := m.UndefineFlags(undefineAll); err != nil && !binding.HasCode(err, binding.ERR_NO_DOMAIN) {
		return fmt.Errorf("undefine domain %s: %w", m.Name, err)
	}
	return nil
}

// purgeNetwork removes the project's network with all reservations.
func (p *provider) purgeNetwork(ctx context.Context, conn *binding.Connect, project string) error {
	release, err := p.networkLock.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	n, err := findNetwork(conn, project)
	if n == nil || err != nil {
		return err
	}
	defer free(n)
	return removeNetwork(n)
}

// removeVolumes deletes the volumes of some machines, seeds last: the seed is what is made first.
func (p *provider) removeVolumes(ctx context.Context, conn *binding.Connect, mine func(owner providers.ID) bool) error {
	pool, err := p.existingPool(ctx, conn)
	if pool == nil || err != nil {
		return err
	}
	defer free(pool)
	// Console logs that virtlogd moved aside are known to libvirt only after a refresh; it is refused while a
	// volume is being built.
	if err := pool.Refresh(0); err != nil {
		p.log.Debug("libvirt: refresh", "error", err)
	}
	all, err := volumes(pool)
	if err != nil {
		return err
	}
	defer freeVolumes(all)
	slices.SortStableFunc(all, func(a, b volume) int { return seedRank(a) - seedRank(b) })
	var errs []error
	for _, v := range all {
		if owner, _, ok := parseVolumeName(v.name); ok && mine(owner) {
			errs = append(errs, deleteVolume(v))
		}
	}
	return errors.Join(errs...)
}

// seedRank sorts seeds behind the rest.
func seedRank(v volume) int {
	if _, kind, _ := parseVolumeName(v.name); kind == seedVolume {
		return 1
	}
	return 0
}
