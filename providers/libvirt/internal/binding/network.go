package binding

import (
	"time"
	"unsafe"
)

// Network is a virtual network.
type Network struct {
	lib *Library
	h   handle
}

// NetworkUpdateCommand is what Update does with the element.
type NetworkUpdateCommand uint32

// NetworkUpdateSection is the kind of element that Update changes.
type NetworkUpdateSection uint32

// NetworkUpdateFlags say what Update changes: the running network, its definition, or both.
type NetworkUpdateFlags uint32

// NetworkXMLFlags say which form of a network's XML is wanted.
type NetworkXMLFlags uint32

// NetworkDHCPLease is an address that a guest was given.
type NetworkDHCPLease struct {
	ExpiryTime time.Time
	Mac        string
	IPaddr     string
	Hostname   string
}

// Free gives the object up; the network itself stays.
func (n *Network) Free() error { return n.do(n.lib.symbols.NetworkFree) }

// GetName returns the network's name.
func (n *Network) GetName() (string, error) {
	var name string
	err := n.lib.check(func() bool {
		p := n.lib.symbols.NetworkGetName(n.h)
		name = goString(p)
		return p != nil
	})
	return name, err
}

// GetXMLDesc describes the network.
func (n *Network) GetXMLDesc(flags NetworkXMLFlags) (string, error) {
	return n.lib.text(func() *byte { return n.lib.symbols.NetworkGetXMLDesc(n.h, uint32(flags)) })
}

// IsActive says whether the network runs.
func (n *Network) IsActive() (bool, error) {
	active, err := n.lib.status(func() int32 { return n.lib.symbols.NetworkIsActive(n.h) })
	return active == 1, err
}

// Create starts the network.
func (n *Network) Create() error { return n.do(n.lib.symbols.NetworkCreate) }

// Destroy stops the network; its definition stays.
func (n *Network) Destroy() error { return n.do(n.lib.symbols.NetworkDestroy) }

// Undefine removes the definition.
func (n *Network) Undefine() error { return n.do(n.lib.symbols.NetworkUndefine) }

// Update changes one element of the network.
func (n *Network) Update(cmd NetworkUpdateCommand, section NetworkUpdateSection, parentIndex int, xml string, flags NetworkUpdateFlags) error {
	return n.do(func(h handle) int32 {
		return n.lib.symbols.NetworkUpdate(h, uint32(cmd), uint32(section), int32(parentIndex), xml, uint32(flags))
	})
}

// GetDHCPLeases returns the leases of a running network, expired ones not.
func (n *Network) GetDHCPLeases() ([]NetworkDHCPLease, error) {
	var array **cLease
	count, err := n.lib.status(func() int32 { return n.lib.symbols.NetworkGetLeases(n.h, 0, &array, 0) })
	if err != nil {
		return nil, err
	}
	var leases []NetworkDHCPLease
	for _, lease := range unsafe.Slice(array, count) {
		leases = append(leases, NetworkDHCPLease{
			ExpiryTime: time.Unix(lease.expiryTime, 0),
			Mac:        goString(lease.mac),
			IPaddr:     goString(lease.ipaddr),
			Hostname:   goString(lease.hostname),
		})
		n.lib.symbols.NetworkLeaseFree(lease)
	}
	n.lib.symbols.Free(unsafe.Pointer(array))
	return leases, nil
}

// do makes one call that returns only whether it succeeded.
func (n *Network) do(call func(handle) int32) error {
	_, err := n.lib.status(func() int32 { return call(n.h) })
	return err
}
