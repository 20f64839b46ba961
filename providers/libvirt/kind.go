// Package libvirt is the provider "libvirt": a machine is a QEMU domain of a local libvirt daemon.
//
// A machine's disk is a qcow2 overlay on the box, its cloud-init seed a second disk; both are volumes of a storage pool
// of colabo's own. A project has one NAT network with a DHCP reservation for each machine, so that addresses are known
// before a guest runs. What belongs to a project is known by the tag in the domain's and the network's <metadata> and
// by the project's id in each volume's name; box volumes are shared by all projects.
//
// Not in here: waiting for the guest, ssh, forwards (internal/engine), and the calls into the C library (internal/binding).
package libvirt

import "github.com/colabo/colabo/providers"

// name is the provider's name in a Colabofile.
const name = "libvirt"

// Kind describes this implementation to the program.
func Kind() providers.Kind {
	return providers.Kind{
		Name:     name,
		Open:     open,
		Options:  func() any { return &Options{} },
		Settings: func() any { return &Settings{} },
		Changes:  changes(),
		Doctor:   doctor,
	}
}
