package libvirt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// RemoveImage removes the box's volumes from the storage pool. A machine's overlay on the box makes it fail.
//
// A Create may be under way: it takes a marked box, makes its overlay and then looks whether the mark is still there.
// Here the mark goes first, and then the overlays are looked at once more; so one of the two sees the other.
func (p *provider) RemoveImage(ctx context.Context, digest string) error {
	prefix, err := boxPrefix(digest)
	if err != nil {
		return err
	}
	conn, err := p.connection(ctx)
	if err != nil {
		return err
	}
	pool, err := p.existingPool(ctx, conn)
	if pool == nil || err != nil {
		return err
	}
	defer free(pool)
	if err := removeBox(ctx, conn, pool, prefix); err != nil {
		return fmt.Errorf("remove image %s from the storage pool: %w", digest, err)
	}
	return nil
}

func removeBox(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, prefix string) error {
	all, err := volumes(pool)
	if err != nil {
		return err
	}
	defer freeVolumes(all)
	found := sortBox(all, prefix)
	if err := unused(pool, found.whole); err != nil {
		return err
	}
	for _, mark := range slices.Concat(found.marks, found.orphans) {
		if err := deleteVolume(mark); err != nil {
			return err
		}
	}
	if err := unused(pool, found.whole); err != nil {
		for _, mark := range found.marks {
			_, markErr := createVolume(context.WithoutCancel(ctx), conn, pool, rawVolume(mark.name, "0644"), nil)
			err = errors.Join(err, markErr)
		}
		return err
	}
	for _, v := range found.whole {
		if err := deleteVolume(v); err != nil {
			return err
		}
	}
	for _, v := range found.partial {
		if growing(v) {
			continue // another process brings the box in just now
		}
		if err := deleteVolume(v); err != nil {
			return err
		}
	}
	return nil
}

// unused returns an error that names the machines whose overlays are based on the boxes.
func unused(pool *binding.StoragePool, boxes []volume) error {
	var paths []string
	for _, box := range boxes {
		path, err := box.GetPath()
		if err != nil {
			return fmt.Errorf("path of volume %s: %w", box.name, err)
		}
		paths = append(paths, path)
	}
	all, err := volumes(pool)
	if err != nil {
		return err
	}
	defer freeVolumes(all)
	var users []string
	for _, v := range all {
		owner, kind, ok := parseVolumeName(v.name)
		if !ok || kind != rootVolume {
			continue
		}
		text, err := v.GetXMLDesc(0)
		if binding.HasCode(err, binding.ERR_NO_STORAGE_VOL) {
			continue // removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("describe volume %s: %w", v.name, err)
		}
		var document volumeXML
		if err := decode(text, &document); err != nil {
			return err
		}
		if document.Backing != nil && slices.Contains(paths, document.Backing.Path) {
			users = append(users, fmt.Sprintf("%s of project %s", owner.Machine, owner.Project))
		}
	}
	if len(users) > 0 {
		return fmt.Errorf("it is in use by %s", strings.Join(users, ", "))
	}
	return nil
}
