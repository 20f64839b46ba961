package binding

import (
	"runtime"
	"unsafe"
)

// Domain is a virtual machine.
type Domain struct {
	lib *Library
	h   handle
}

// DomainState is what a domain does; the int that GetState returns beside it is the reason.
type DomainState int

// DomainXMLFlags say which form of a domain's XML is wanted.
type DomainXMLFlags uint32

// DomainDefineFlags changes what defining does.
type DomainDefineFlags uint32

// DomainShutdownFlags choose the way in which a guest is asked.
type DomainShutdownFlags uint32

// DomainUndefineFlagsValues say what is removed together with a domain.
type DomainUndefineFlagsValues uint32

// DomainAuthorizedSSHKeysSetFlags say what becomes of the keys that are there.
type DomainAuthorizedSSHKeysSetFlags uint32

// DomainDiskErrorCode is why a disk stands still.
type DomainDiskErrorCode int

// DomainDiskError is a disk on which the last request did not succeed.
type DomainDiskError struct {
	Disk  string // target: "vda"
	Error DomainDiskErrorCode
}

// Free gives the object up; the domain itself stays.
func (d *Domain) Free() error {
	return d.do(d.lib.symbols.DomainFree)
}

// GetName returns the domain's name.
func (d *Domain) GetName() (string, error) {
	var name string
	err := d.lib.check(func() bool {
		p := d.lib.symbols.DomainGetName(d.h)
		name = goString(p)
		return p != nil
	})
	return name, err
}

// GetXMLDesc describes the domain.
func (d *Domain) GetXMLDesc(flags DomainXMLFlags) (string, error) {
	return d.lib.text(func() *byte { return d.lib.symbols.DomainGetXMLDesc(d.h, uint32(flags)) })
}

// GetState returns the state and the reason of it.
func (d *Domain) GetState() (DomainState, int, error) {
	var state, reason int32
	_, err := d.lib.status(func() int32 { return d.lib.symbols.DomainGetState(d.h, &state, &reason, 0) })
	return DomainState(state), int(reason), err
}

// GetDiskErrors returns the disks that stand still, of a running domain.
func (d *Domain) GetDiskErrors(flags uint32) ([]DomainDiskError, error) {
	var found [8]cDiskError
	n, err := d.lib.status(func() int32 {
		return d.lib.symbols.DomainGetDiskErrors(d.h, &found[0], uint32(len(found)), flags)
	})
	var disks []DomainDiskError
	for _, e := range found[:max(n, 0)] {
		disks = append(disks, DomainDiskError{Disk: goString(e.disk), Error: DomainDiskErrorCode(e.code)})
		d.lib.symbols.Free(unsafe.Pointer(e.disk))
	}
	return disks, err
}

// Create starts the domain.
func (d *Domain) Create() error { return d.do(d.lib.symbols.DomainCreate) }

// Resume lets a paused domain go on.
func (d *Domain) Resume() error { return d.do(d.lib.symbols.DomainResume) }

// Suspend pauses a running domain.
func (d *Domain) Suspend() error { return d.do(d.lib.symbols.DomainSuspend) }

// Destroy turns the domain off; its definition stays.
func (d *Domain) Destroy() error { return d.do(d.lib.symbols.DomainDestroy) }

// ShutdownFlags asks the guest to shut down and does not wait for it.
func (d *Domain) ShutdownFlags(flags DomainShutdownFlags) error {
	return d.do(func(h handle) int32 { return d.lib.symbols.DomainShutdown(h, uint32(flags)) })
}

// UndefineFlags removes the definition.
func (d *Domain) UndefineFlags(flags DomainUndefineFlagsValues) error {
	return d.do(func(h handle) int32 { return d.lib.symbols.DomainUndefine(h, uint32(flags)) })
}

// AuthorizedSSHKeysSet has the guest's agent write the user's authorized_keys; libvirt 6.10 is the first that has it.
func (d *Domain) AuthorizedSSHKeysSet(user string, keys []string, flags DomainAuthorizedSSHKeysSetFlags) error {
	lines := make([]*byte, 0, len(keys))
	for _, key := range keys {
		lines = append(lines, &append([]byte(key), 0)[0])
	}
	defer runtime.KeepAlive(lines)
	return d.do(func(h handle) int32 {
		return d.lib.symbols.DomainAuthorizedSSHKeysSet(h, user, unsafe.SliceData(lines), uint32(len(lines)), uint32(flags))
	})
}

// do makes one call that returns only whether it succeeded.
func (d *Domain) do(call func(handle) int32) error {
	_, err := d.lib.status(func() int32 { return call(d.h) })
	return err
}
