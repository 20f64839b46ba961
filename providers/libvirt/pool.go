package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// ensurePool returns colabo's storage pool, which it makes and starts where needed. The caller frees it.
func (p *provider) ensurePool(ctx context.Context, conn *binding.Connect) (*binding.StoragePool, error) {
	release, err := p.poolLock.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	pool, err := conn.LookupStoragePoolByName(p.place.name)
	if binding.HasCode(err, binding.ERR_NO_STORAGE_POOL) {
		pool, err = p.definePool(conn)
	}
	if err != nil {
		return nil, fmt.Errorf("find storage pool %s: %w", p.place.name, err)
	}
	if err := startPool(pool); err != nil {
		free(pool)
		return nil, fmt.Errorf("start storage pool %s: %w", p.place.name, err)
	}
	return pool, nil
}

// existingPool is ensurePool for those who only remove or read: nil when there is no pool.
func (p *provider) existingPool(ctx context.Context, conn *binding.Connect) (*binding.StoragePool, error) {
	pool, err := conn.LookupStoragePoolByName(p.place.name)
	if binding.HasCode(err, binding.ERR_NO_STORAGE_POOL) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find storage pool %s: %w", p.place.name, err)
	}
	free(pool)
	return p.ensurePool(ctx, conn)
}

// definePool makes the pool; when another process was faster, it returns that one's.
func (p *provider) definePool(conn *binding.Connect) (*binding.StoragePool, error) {
	document, err := encode(newPool(p.place))
	if err != nil {
		return nil, err
	}
	pool, err := conn.StoragePoolDefineXML(document, 0)
	if err == nil {
		return pool, nil
	}
	if other, otherErr := conn.LookupStoragePoolByName(p.place.name); otherErr == nil {
		return other, nil
	}
	return nil, err
}

// startPool starts the pool unless it is started; its folder is made where it is missing.
func startPool(pool *binding.StoragePool) error {
	active, err := pool.IsActive()
	if err != nil || active {
		return err
	}
	err = pool.Create(binding.STORAGE_POOL_CREATE_WITH_BUILD)
	if err == nil {
		return nil
	}
	if active, activeErr := pool.IsActive(); activeErr == nil && active {
		return nil // another process was faster
	}
	return err
}

// volume is a volume's name and its handle.
type volume struct {
	name string
	*binding.StorageVol
}

// volumes lists the pool; the caller frees them all with freeVolumes.
func volumes(pool *binding.StoragePool) ([]volume, error) {
	all, err := pool.ListAllStorageVolumes(0)
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	named := make([]volume, 0, len(all))
	for i := range all {
		text, err := all[i].GetName()
		if err != nil {
			return nil, fmt.Errorf("name of a volume: %w", err)
		}
		named = append(named, volume{name: text, StorageVol: &all[i]})
	}
	return named, nil
}

func freeVolumes(all []volume) {
	for _, v := range all {
		free(v)
	}
}

// deleteVolume removes a volume; one whose file was removed behind libvirt's back is no error.
func deleteVolume(v volume) error {
	err := v.Delete(0)
	if err == nil || binding.HasCode(err, binding.ERR_NO_STORAGE_VOL) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("delete volume %s: %w", v.name, err)
}

// deleteVolumeNamed removes a volume that may not be there.
func deleteVolumeNamed(pool *binding.StoragePool, volumeName string) error {
	v, err := pool.LookupStorageVolByName(volumeName)
	if binding.HasCode(err, binding.ERR_NO_STORAGE_VOL) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find volume %s: %w", volumeName, err)
	}
	defer free(v)
	return deleteVolume(volume{name: volumeName, StorageVol: v})
}
