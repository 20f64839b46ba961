package binding

import "unsafe"

// symbols are the C functions in use, each found by the name in its tag. The Go types stand for the C ones:
// handle for a pointer to an object, *byte for a char* that may have to be freed, int32 for int, uint32 for unsigned int.
type symbols struct {
	Free         func(p unsafe.Pointer)                  `c:"free"`
	Initialize   func() int32                            `c:"virInitialize"`
	GetLastError func() *cError                          `c:"virGetLastError"`
	SetErrorFunc func(userData uintptr, handler uintptr) `c:"virSetErrorFunc"`

	ConnectOpen            func(uri string) handle                                                     `c:"virConnectOpen"`
	ConnectClose           func(c handle) int32                                                        `c:"virConnectClose"`
	ConnectIsAlive         func(c handle) int32                                                        `c:"virConnectIsAlive"`
	ConnectGetLibVersion   func(c handle, version *uint) int32                                         `c:"virConnectGetLibVersion"`
	ConnectGetDomainCaps   func(c handle, emulator, arch, machine, virtType *byte, flags uint32) *byte `c:"virConnectGetDomainCapabilities"`
	ConnectListAllDomains  func(c handle, all **handle, flags uint32) int32                            `c:"virConnectListAllDomains"`
	ConnectListAllNetworks func(c handle, all **handle, flags uint32) int32                            `c:"virConnectListAllNetworks"`
	DomainLookupByUUID     func(c handle, uuid string) handle                                          `c:"virDomainLookupByUUIDString"`
	DomainDefineXML        func(c handle, xml string, flags uint32) handle                             `c:"virDomainDefineXMLFlags"`
	NetworkLookupByUUID    func(c handle, uuid string) handle                                          `c:"virNetworkLookupByUUIDString"`
	NetworkDefineXML       func(c handle, xml string) handle                                           `c:"virNetworkDefineXML"`
	StoragePoolLookup      func(c handle, name string) handle                                          `c:"virStoragePoolLookupByName"`
	StoragePoolDefineXML   func(c handle, xml string, flags uint32) handle                             `c:"virStoragePoolDefineXML"`
	StreamNew              func(c handle, flags uint32) handle                                         `c:"virStreamNew"`

	DomainFree          func(d handle) int32                                          `c:"virDomainFree"`
	DomainGetName       func(d handle) *byte                                          `c:"virDomainGetName"`
	DomainGetXMLDesc    func(d handle, flags uint32) *byte                            `c:"virDomainGetXMLDesc"`
	DomainGetState      func(d handle, state, reason *int32, flags uint32) int32      `c:"virDomainGetState"`
	DomainGetDiskErrors func(d handle, e *cDiskError, max uint32, flags uint32) int32 `c:"virDomainGetDiskErrors"`
	DomainCreate        func(d handle) int32                                          `c:"virDomainCreate"`
	DomainResume        func(d handle) int32                                          `c:"virDomainResume"`
	DomainSuspend       func(d handle) int32                                          `c:"virDomainSuspend"`
	DomainShutdown      func(d handle, flags uint32) int32                            `c:"virDomainShutdownFlags"`
	DomainDestroy       func(d handle) int32                                          `c:"virDomainDestroy"`
	DomainUndefine      func(d handle, flags uint32) int32                            `c:"virDomainUndefineFlags"`

	DomainAuthorizedSSHKeysSet func(d handle, user string, keys **byte, n, flags uint32) int32 `c:"virDomainAuthorizedSSHKeysSet"`

	NetworkFree       func(n handle) int32                                                                       `c:"virNetworkFree"`
	NetworkGetName    func(n handle) *byte                                                                       `c:"virNetworkGetName"`
	NetworkGetXMLDesc func(n handle, flags uint32) *byte                                                         `c:"virNetworkGetXMLDesc"`
	NetworkIsActive   func(n handle) int32                                                                       `c:"virNetworkIsActive"`
	NetworkCreate     func(n handle) int32                                                                       `c:"virNetworkCreate"`
	NetworkDestroy    func(n handle) int32                                                                       `c:"virNetworkDestroy"`
	NetworkUndefine   func(n handle) int32                                                                       `c:"virNetworkUndefine"`
	NetworkUpdate     func(n handle, command, section uint32, parentIndex int32, xml string, flags uint32) int32 `c:"virNetworkUpdate"`
	NetworkGetLeases  func(n handle, mac uintptr, leases ***cLease, flags uint32) int32                          `c:"virNetworkGetDHCPLeases"`
	NetworkLeaseFree  func(lease *cLease)                                                                        `c:"virNetworkDHCPLeaseFree"`

	StoragePoolFree       func(p handle) int32                             `c:"virStoragePoolFree"`
	StoragePoolIsActive   func(p handle) int32                             `c:"virStoragePoolIsActive"`
	StoragePoolCreate     func(p handle, flags uint32) int32               `c:"virStoragePoolCreate"`
	StoragePoolDestroy    func(p handle) int32                             `c:"virStoragePoolDestroy"`
	StoragePoolUndefine   func(p handle) int32                             `c:"virStoragePoolUndefine"`
	StoragePoolRefresh    func(p handle, flags uint32) int32               `c:"virStoragePoolRefresh"`
	StoragePoolGetInfo    func(p handle, info *cPoolInfo) int32            `c:"virStoragePoolGetInfo"`
	StoragePoolGetXMLDesc func(p handle, flags uint32) *byte               `c:"virStoragePoolGetXMLDesc"`
	StoragePoolListAll    func(p handle, all **handle, flags uint32) int32 `c:"virStoragePoolListAllVolumes"`
	StorageVolLookup      func(p handle, name string) handle               `c:"virStorageVolLookupByName"`
	StorageVolCreateXML   func(p handle, xml string, flags uint32) handle  `c:"virStorageVolCreateXML"`

	StorageVolFree       func(v handle) int32                                              `c:"virStorageVolFree"`
	StorageVolGetName    func(v handle) *byte                                              `c:"virStorageVolGetName"`
	StorageVolGetPath    func(v handle) *byte                                              `c:"virStorageVolGetPath"`
	StorageVolGetXMLDesc func(v handle, flags uint32) *byte                                `c:"virStorageVolGetXMLDesc"`
	StorageVolGetInfo    func(v handle, info *cVolInfo, flags uint32) int32                `c:"virStorageVolGetInfoFlags"`
	StorageVolDelete     func(v handle, flags uint32) int32                                `c:"virStorageVolDelete"`
	StorageVolResize     func(v handle, capacity uint64, flags uint32) int32               `c:"virStorageVolResize"`
	StorageVolUpload     func(v, stream handle, offset, length uint64, flags uint32) int32 `c:"virStorageVolUpload"`
	StorageVolDownload   func(v, stream handle, offset, length uint64, flags uint32) int32 `c:"virStorageVolDownload"`

	StreamFree   func(s handle) int32                           `c:"virStreamFree"`
	StreamSend   func(s handle, data *byte, size uintptr) int32 `c:"virStreamSend"`
	StreamRecv   func(s handle, data *byte, size uintptr) int32 `c:"virStreamRecv"`
	StreamFinish func(s handle) int32                           `c:"virStreamFinish"`
	StreamAbort  func(s handle) int32                           `c:"virStreamAbort"`
}

// The layouts of the C structs that are read.
type (
	cError struct {
		code, domain int32
		message      *byte
		_            int32      // level
		_            [2]uintptr // connection, domain
		_            [3]*byte   // more texts
		int1, _      int32
		_            uintptr // network
	}
	cDiskError struct {
		disk *byte
		code int32
	}
	cLease struct {
		_          *byte // interface
		expiryTime int64
		_          int32 // kind of address
		mac, _     *byte
		ipaddr     *byte
		_          uint32 // prefix
		hostname   *byte
		_          *byte // client id
	}
	cPoolInfo struct {
		_                               int32 // state
		capacity, allocation, available uint64
	}
	cVolInfo struct {
		_                    int32 // kind
		capacity, allocation uint64
	}
)
