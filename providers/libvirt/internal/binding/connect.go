package binding

// Connect is a connection to a libvirt daemon.
type Connect struct {
	lib *Library
	h   handle
}

// NewConnect opens a connection; uri is like "qemu:///system". It never asks for a password.
func (l *Library) NewConnect(uri string) (*Connect, error) {
	h, err := l.object(func() handle { return l.symbols.ConnectOpen(uri) })
	if err != nil {
		return nil, err
	}
	return &Connect{lib: l, h: h}, nil
}

// Close gives the connection up; the number is that of its users that remain.
func (c *Connect) Close() (int, error) {
	return c.lib.status(func() int32 { return c.lib.symbols.ConnectClose(c.h) })
}

// IsAlive says whether the connection is still open as far as libvirt knows; it asks nobody.
func (c *Connect) IsAlive() (bool, error) {
	n, err := c.lib.status(func() int32 { return c.lib.symbols.ConnectIsAlive(c.h) })
	return n == 1, err
}

// GetLibVersion returns the daemon's version: 1,000,000 * major + 1,000 * minor + release.
func (c *Connect) GetLibVersion() (uint32, error) {
	var version uint
	_, err := c.lib.status(func() int32 { return c.lib.symbols.ConnectGetLibVersion(c.h, &version) })
	return uint32(version), err
}

// GetDomainCapabilities describes what domains of that kind can have; "" leaves a choice to the daemon.
func (c *Connect) GetDomainCapabilities(emulator, arch, machine, virttype string, flags uint32) (string, error) {
	strings := [4]*byte{optional(emulator), optional(arch), optional(machine), optional(virttype)}
	return c.lib.text(func() *byte {
		return c.lib.symbols.ConnectGetDomainCaps(c.h, strings[0], strings[1], strings[2], strings[3], flags)
	})
}

// ConnectListAllDomainsFlags filters ListAllDomains; 0 is all of them.
type ConnectListAllDomainsFlags uint32

// ListAllDomains returns the domains, running or not.
func (c *Connect) ListAllDomains(flags ConnectListAllDomainsFlags) ([]Domain, error) {
	all, err := c.lib.list(func(array **handle) int32 {
		return c.lib.symbols.ConnectListAllDomains(c.h, array, uint32(flags))
	})
	domains := make([]Domain, len(all))
	for i, h := range all {
		domains[i] = Domain{lib: c.lib, h: h}
	}
	return domains, err
}

// LookupDomainByUUIDString finds a domain; ERR_NO_DOMAIN.
func (c *Connect) LookupDomainByUUIDString(uuid string) (*Domain, error) {
	h, err := c.lib.object(func() handle { return c.lib.symbols.DomainLookupByUUID(c.h, uuid) })
	return &Domain{lib: c.lib, h: h}, err
}

// DomainDefineXMLFlags makes a domain, or changes the one of that name and UUID.
func (c *Connect) DomainDefineXMLFlags(xml string, flags DomainDefineFlags) (*Domain, error) {
	h, err := c.lib.object(func() handle { return c.lib.symbols.DomainDefineXML(c.h, xml, uint32(flags)) })
	return &Domain{lib: c.lib, h: h}, err
}

// ConnectListAllNetworksFlags filters ListAllNetworks; 0 is all of them.
type ConnectListAllNetworksFlags uint32

// ListAllNetworks returns the networks, active or not.
func (c *Connect) ListAllNetworks(flags ConnectListAllNetworksFlags) ([]Network, error) {
	all, err := c.lib.list(func(array **handle) int32 {
		return c.lib.symbols.ConnectListAllNetworks(c.h, array, uint32(flags))
	})
	networks := make([]Network, len(all))
	for i, h := range all {
		networks[i] = Network{lib: c.lib, h: h}
	}
	return networks, err
}

// LookupNetworkByUUIDString finds a network; ERR_NO_NETWORK.
func (c *Connect) LookupNetworkByUUIDString(uuid string) (*Network, error) {
	h, err := c.lib.object(func() handle { return c.lib.symbols.NetworkLookupByUUID(c.h, uuid) })
	return &Network{lib: c.lib, h: h}, err
}

// NetworkDefineXML makes a network, inactive, or changes the one of that name and UUID.
func (c *Connect) NetworkDefineXML(xml string) (*Network, error) {
	h, err := c.lib.object(func() handle { return c.lib.symbols.NetworkDefineXML(c.h, xml) })
	return &Network{lib: c.lib, h: h}, err
}

// LookupStoragePoolByName finds a pool; ERR_NO_STORAGE_POOL.
func (c *Connect) LookupStoragePoolByName(name string) (*StoragePool, error) {
	h, err := c.lib.object(func() handle { return c.lib.symbols.StoragePoolLookup(c.h, name) })
	return &StoragePool{lib: c.lib, h: h}, err
}

// StoragePoolDefineXML makes a pool, inactive, or changes the one of that name and UUID.
func (c *Connect) StoragePoolDefineXML(xml string, flags uint32) (*StoragePool, error) {
	h, err := c.lib.object(func() handle { return c.lib.symbols.StoragePoolDefineXML(c.h, xml, flags) })
	return &StoragePool{lib: c.lib, h: h}, err
}

// NewStream makes a stream, for one Upload or Download.
func (c *Connect) NewStream(flags StreamFlags) (*Stream, error) {
	h, err := c.lib.object(func() handle { return c.lib.symbols.StreamNew(c.h, uint32(flags)) })
	return &Stream{lib: c.lib, h: h}, err
}
