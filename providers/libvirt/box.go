package libvirt

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// A box is uploaded once into the pool and is from then on what overlays are based on. libvirt can't rename a volume, so
// that a volume which is there may be whole, in the making, or left by a process that was killed. Therefore each upload
// goes to a volume with a name of its own, box-DIGEST-NONCE.qcow2, and an empty volume box-DIGEST-NONCE.ok, made after the
// upload was acknowledged, says that it is whole. Only then is it used. A volume without that mark that has not grown
// for uploadStall is nobody's, and removed; should that ever be wrong, its maker notices and begins anew. No lock that
// a dead process could keep is needed, and it holds between users and for every kill.

const (
	boxSuffix  = ".qcow2"
	markSuffix = ".ok"
	// uploadPoll is how often to look whether another process has uploaded the box.
	uploadPoll = 200 * time.Millisecond
	// uploadStall is how long an upload that is alive is never without progress: it writes every few milliseconds.
	uploadStall = 5 * time.Second
)

// boxPrefix begins the names of all volumes of a box.
func boxPrefix(imageDigest string) (string, error) {
	digest := strings.TrimPrefix(imageDigest, "sha256:")
	if _, err := hex.DecodeString(digest); err != nil || len(digest) < 16 {
		return "", fmt.Errorf("%q is no sha256 digest", imageDigest)
	}
	return "box-" + strings.ToLower(digest[:16]) + "-", nil
}

// boxVolumes is what the pool holds of one box.
type boxVolumes struct {
	whole   []volume // marked
	marks   []volume // of the whole ones, in the same order
	partial []volume // without a mark
	orphans []volume // marks without a volume
}

// sortBox picks the volumes of one box.
func sortBox(all []volume, prefix string) boxVolumes {
	byName := map[string]volume{}
	for _, v := range all {
		byName[v.name] = v
	}
	var found boxVolumes
	for _, v := range all {
		stem, isBox := strings.CutSuffix(v.name, boxSuffix)
		if !isBox {
			stem, _ = strings.CutSuffix(v.name, markSuffix)
		}
		if !strings.HasPrefix(v.name, prefix) {
			continue
		}
		mark, marked := byName[stem+markSuffix]
		_, exists := byName[stem+boxSuffix]
		switch {
		case isBox && marked:
			found.whole = append(found.whole, v)
			found.marks = append(found.marks, mark)
		case isBox:
			found.partial = append(found.partial, v)
		case !exists:
			found.orphans = append(found.orphans, v)
		}
	}
	return found
}

// source is a box on the local disk.
type source struct {
	image  providers.Image
	prefix string
	file   *os.File
	qcow2
}

// openSource looks at the box without making anything. The caller closes file.
func openSource(image providers.Image) (*source, error) {
	if image.Disk == "" {
		return nil, fmt.Errorf("image %s%s has no disk for a virtual machine", image.Name, image.Reference)
	}
	prefix, err := boxPrefix(image.Digest)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(image.Disk)
	if err != nil {
		return nil, err
	}
	head, err := inspectQcow2(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &source{image: image, prefix: prefix, file: file, qcow2: head}, nil
}

// ensureBox returns the path of the box's volume in the pool, and uploads it where it is not there yet.
func (p *provider) ensureBox(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, src *source, report providers.Report) (string, error) {
	release, err := p.boxLock.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	waiting := false
	for {
		path, busy, err := p.tryBox(ctx, conn, pool, src, report)
		if err != nil {
			return "", fmt.Errorf("bring box %s into the storage pool: %w", src.image.Name, err)
		}
		if !busy {
			return path, nil
		}
		if !waiting {
			report("another process brings the box into the storage pool")
			waiting = true
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(uploadPoll):
		}
	}
}

// tryBox returns the path of the whole box; busy says that another process uploads it just now.
func (p *provider) tryBox(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, src *source, report providers.Report) (path string, busy bool, err error) {
	all, err := volumes(pool)
	if err != nil {
		return "", false, err
	}
	defer freeVolumes(all)
	found := sortBox(all, src.prefix)
	for i, v := range found.whole {
		if path, ok := src.usable(v); ok {
			return path, false, nil
		}
		// Someone removed or changed the file behind libvirt's back; a machine on it is lost already.
		p.log.Debug("libvirt: box volume is damaged", "volume", v.name)
		if err := errors.Join(deleteVolume(found.marks[i]), deleteVolume(v)); err != nil {
			return "", false, err
		}
	}
	for _, v := range found.partial {
		if growing(v) {
			return "", true, nil
		}
		if err := deleteVolume(v); err != nil {
			return "", false, err
		}
	}
	for _, v := range found.orphans {
		if err := deleteVolume(v); err != nil {
			return "", false, err
		}
	}
	path, err = src.uploadTo(ctx, conn, pool, report)
	// Without a path it was removed before it was marked; the next try sees what is there.
	return path, path == "", err
}

// growing says whether a volume without a mark was written to lately.
func growing(v volume) bool {
	var document volumeXML
	text, err := v.GetXMLDesc(0)
	if err != nil || decode(text, &document) != nil || document.Target.Timestamps == nil {
		return false
	}
	modified := time.UnixMilli(int64(document.Target.Timestamps.Modified * 1000))
	return time.Since(modified) < uploadStall
}

// usable says whether a marked volume is still as long as it was, and where it is.
func (s *source) usable(v volume) (string, bool) {
	info, err := v.GetInfoFlags(binding.STORAGE_VOL_GET_PHYSICAL)
	if err != nil || int64(info.Allocation) != s.fileSize {
		return "", false
	}
	path, err := v.GetPath()
	return path, err == nil
}

// uploadTo brings the box into the pool and marks it. It returns "" where another process removed the volume meanwhile.
func (s *source) uploadTo(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, report providers.Report) (string, error) {
	available, err := availableSpace(pool)
	if err != nil {
		return "", err
	}
	if available < s.fileSize {
		return "", noSpace(pool, fmt.Errorf("the box takes %d MiB, %d MiB are free", s.fileSize>>20, available>>20))
	}
	report(fmt.Sprintf("copying box %s into the storage pool (%d MiB)", s.image.Name, s.fileSize>>20))
	stem := s.prefix + nonce()
	// Readable for all: several guests read it at the same time, whatever user QEMU runs as.
	content := rawVolume(stem+boxSuffix, "0644")
	if _, err := s.file.Seek(0, 0); err != nil {
		return "", err
	}
	path, err := createVolume(ctx, conn, pool, content, s.file)
	if err != nil {
		return "", err
	}
	if _, err := createVolume(ctx, conn, pool, rawVolume(stem+markSuffix, "0644"), nil); err != nil {
		return "", errors.Join(err, deleteVolumeNamed(pool, stem+boxSuffix))
	}
	box, err := pool.LookupStorageVolByName(stem + boxSuffix)
	if binding.HasCode(err, binding.ERR_NO_STORAGE_VOL) {
		return "", deleteVolumeNamed(pool, stem+markSuffix)
	}
	if err != nil {
		return "", err
	}
	free(box)
	return path, nil
}

// nonce makes a volume's name its maker's own.
func nonce() string { return strings.ToLower(rand.Text()[:8]) }
