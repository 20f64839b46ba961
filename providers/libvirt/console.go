package libvirt

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// Console returns the end of what the guest wrote to its serial port since the last start. The file belongs to root;
// as a volume of the pool it can be read by everybody who may talk to the daemon.
func (p *provider) Console(ctx context.Context, id providers.ID, limit int) ([]byte, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	m, err := p.machine(ctx, conn, id)
	if err != nil {
		return nil, err
	}
	defer free(m)
	if len(m.Devices.Serials) == 0 || limit <= 0 {
		return nil, nil
	}
	pool, err := p.ensurePool(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer free(pool)
	text, err := readEnd(ctx, conn, pool, filepath.Base(m.Devices.Serials[0].Source.Path), limit)
	if err != nil {
		return nil, fmt.Errorf("read console of %s: %w", m.Name, err)
	}
	return text, nil
}

// readEnd returns the last bytes of a volume, at most limit.
func readEnd(ctx context.Context, conn *binding.Connect, pool *binding.StoragePool, volumeName string, limit int) ([]byte, error) {
	v, err := pool.LookupStorageVolByName(volumeName)
	if err != nil {
		return nil, err
	}
	defer free(v)
	info, err := v.GetInfoFlags(binding.STORAGE_VOL_GET_PHYSICAL)
	if err != nil {
		return nil, err
	}
	length := min(info.Allocation, uint64(limit))
	if length == 0 {
		return nil, nil
	}
	stream, err := conn.NewStream(0)
	if err != nil {
		return nil, err
	}
	defer free(stream)
	if err := v.Download(stream, info.Allocation-length, length, 0); err != nil {
		return nil, err
	}
	text := make([]byte, length)
	got := 0
	for got < len(text) {
		if err := ctx.Err(); err != nil {
			_ = stream.Abort() // says no more than err
			return nil, err
		}
		n, err := stream.Recv(text[got:])
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break // the file became shorter: the machine was started again
		}
		got += n
	}
	return text[:got], stream.Finish()
}
