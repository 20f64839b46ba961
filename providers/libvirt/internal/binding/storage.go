package binding

// StoragePool is a place where volumes are kept.
type StoragePool struct {
	lib *Library
	h   handle
}

// StoragePoolCreateFlags changes how a pool is started.
type StoragePoolCreateFlags uint32

// StoragePoolInfo is how full a pool is, in bytes, as of its last refresh.
type StoragePoolInfo struct{ Capacity, Allocation, Available uint64 }

// Free gives the object up; the pool itself stays.
func (p *StoragePool) Free() error { return p.do(p.lib.symbols.StoragePoolFree) }

// IsActive says whether the pool is started.
func (p *StoragePool) IsActive() (bool, error) {
	active, err := p.lib.status(func() int32 { return p.lib.symbols.StoragePoolIsActive(p.h) })
	return active == 1, err
}

// Create starts the pool.
func (p *StoragePool) Create(flags StoragePoolCreateFlags) error {
	return p.do(func(h handle) int32 { return p.lib.symbols.StoragePoolCreate(h, uint32(flags)) })
}

// Destroy stops the pool; volumes and definition stay.
func (p *StoragePool) Destroy() error { return p.do(p.lib.symbols.StoragePoolDestroy) }

// Undefine removes the definition; volumes stay.
func (p *StoragePool) Undefine() error { return p.do(p.lib.symbols.StoragePoolUndefine) }

// Refresh makes libvirt look again at what is in the pool.
func (p *StoragePool) Refresh(flags uint32) error {
	return p.do(func(h handle) int32 { return p.lib.symbols.StoragePoolRefresh(h, flags) })
}

// GetInfo says how full the pool is.
func (p *StoragePool) GetInfo() (*StoragePoolInfo, error) {
	var info cPoolInfo
	err := p.do(func(h handle) int32 { return p.lib.symbols.StoragePoolGetInfo(h, &info) })
	return &StoragePoolInfo{Capacity: info.capacity, Allocation: info.allocation, Available: info.available}, err
}

// GetXMLDesc describes the pool.
func (p *StoragePool) GetXMLDesc(flags uint32) (string, error) {
	return p.lib.text(func() *byte { return p.lib.symbols.StoragePoolGetXMLDesc(p.h, flags) })
}

// ListAllStorageVolumes returns the volumes that libvirt knows of.
func (p *StoragePool) ListAllStorageVolumes(flags uint32) ([]StorageVol, error) {
	all, err := p.lib.list(func(array **handle) int32 { return p.lib.symbols.StoragePoolListAll(p.h, array, flags) })
	volumes := make([]StorageVol, len(all))
	for i, h := range all {
		volumes[i] = StorageVol{lib: p.lib, h: h}
	}
	return volumes, err
}

// LookupStorageVolByName finds a volume; ERR_NO_STORAGE_VOL.
func (p *StoragePool) LookupStorageVolByName(name string) (*StorageVol, error) {
	h, err := p.lib.object(func() handle { return p.lib.symbols.StorageVolLookup(p.h, name) })
	return &StorageVol{lib: p.lib, h: h}, err
}

// StorageVolCreateXML makes a volume; ERR_STORAGE_VOL_EXIST.
func (p *StoragePool) StorageVolCreateXML(xml string, flags uint32) (*StorageVol, error) {
	h, err := p.lib.object(func() handle { return p.lib.symbols.StorageVolCreateXML(p.h, xml, flags) })
	return &StorageVol{lib: p.lib, h: h}, err
}

func (p *StoragePool) do(call func(handle) int32) error {
	_, err := p.lib.status(func() int32 { return call(p.h) })
	return err
}

// StorageVol is a volume of a pool.
type StorageVol struct {
	lib *Library
	h   handle
}

// StorageVolInfoFlags choose what GetInfoFlags measures.
type StorageVolInfoFlags uint32

// StorageVolInfo is how large a volume is, in bytes.
type StorageVolInfo struct{ Capacity, Allocation uint64 }

// Free gives the object up; the volume itself stays.
func (v *StorageVol) Free() error { return v.do(v.lib.symbols.StorageVolFree) }

// GetName returns the volume's name, which is unique in its pool.
func (v *StorageVol) GetName() (string, error) {
	var name string
	err := v.lib.check(func() bool {
		p := v.lib.symbols.StorageVolGetName(v.h)
		name = goString(p)
		return p != nil
	})
	return name, err
}

// GetPath returns the volume's path on the daemon's host.
func (v *StorageVol) GetPath() (string, error) {
	return v.lib.text(func() *byte { return v.lib.symbols.StorageVolGetPath(v.h) })
}

// GetXMLDesc describes the volume.
func (v *StorageVol) GetXMLDesc(flags uint32) (string, error) {
	return v.lib.text(func() *byte { return v.lib.symbols.StorageVolGetXMLDesc(v.h, flags) })
}

// GetInfoFlags looks at the volume; a volume whose file was removed by others is an error.
func (v *StorageVol) GetInfoFlags(flags StorageVolInfoFlags) (*StorageVolInfo, error) {
	var info cVolInfo
	err := v.do(func(h handle) int32 { return v.lib.symbols.StorageVolGetInfo(h, &info, uint32(flags)) })
	return &StorageVolInfo{Capacity: info.capacity, Allocation: info.allocation}, err
}

// Resize gives the volume another capacity, in bytes. No running domain may use it.
func (v *StorageVol) Resize(capacity uint64, flags uint32) error {
	return v.do(func(h handle) int32 { return v.lib.symbols.StorageVolResize(h, capacity, flags) })
}

// Delete removes the volume; ERR_OPERATION_INVALID while an Upload or Download of it is under way.
func (v *StorageVol) Delete(flags uint32) error {
	return v.do(func(h handle) int32 { return v.lib.symbols.StorageVolDelete(h, flags) })
}

// Upload makes stream write to the volume; length 0 is all that is sent.
func (v *StorageVol) Upload(stream *Stream, offset, length uint64, flags uint32) error {
	return v.do(func(h handle) int32 { return v.lib.symbols.StorageVolUpload(h, stream.h, offset, length, flags) })
}

// Download makes stream read from the volume; length 0 is up to its end.
func (v *StorageVol) Download(stream *Stream, offset, length uint64, flags uint32) error {
	return v.do(func(h handle) int32 { return v.lib.symbols.StorageVolDownload(h, stream.h, offset, length, flags) })
}

func (v *StorageVol) do(call func(handle) int32) error {
	_, err := v.lib.status(func() int32 { return call(v.h) })
	return err
}
