package libvirt

import "encoding/xml"

// poolXML is the part of libvirt's pool document that colabo writes and reads.
type poolXML struct {
	XMLName xml.Name      `xml:"pool"`
	Type    string        `xml:"type,attr"`
	Name    string        `xml:"name"`
	Target  poolTargetXML `xml:"target"`
}

type poolTargetXML struct {
	Path        string         `xml:"path"`
	Permissions permissionsXML `xml:"permissions"`
}

type permissionsXML struct {
	Mode string `xml:"mode"`
}

// volumeXML is the part of libvirt's volume document that colabo writes and reads.
type volumeXML struct {
	XMLName    xml.Name         `xml:"volume"`
	Type       string           `xml:"type,attr,omitempty"`
	Name       string           `xml:"name"`
	Capacity   sizeXML          `xml:"capacity"`
	Allocation *sizeXML         `xml:"allocation"`
	Target     volumeTargetXML  `xml:"target"`
	Backing    *backingStoreXML `xml:"backingStore"`
}

type volumeTargetXML struct {
	Path        string         `xml:"path,omitempty"`
	Format      formatXML      `xml:"format"`
	Permissions permissionsXML `xml:"permissions"`
	Timestamps  *timestampsXML `xml:"timestamps"`
}

type timestampsXML struct {
	Modified float64 `xml:"mtime"` // seconds since 1970
}

type formatXML struct {
	Type string `xml:"type,attr"`
}

type backingStoreXML struct {
	Path   string    `xml:"path"`
	Format formatXML `xml:"format"`
}

// newPool describes colabo's storage pool: a folder.
func newPool(place poolPlace) poolXML {
	return poolXML{
		Type: "dir",
		Name: place.name,
		// Others may pass through, so that QEMU reaches its disks, and not look around.
		Target: poolTargetXML{Path: place.path, Permissions: permissionsXML{Mode: "0711"}},
	}
}

// rawVolume describes an empty file. It grows with what is uploaded, so that its length says how far that came.
func rawVolume(name, mode string) volumeXML {
	return volumeXML{
		Name:       name,
		Capacity:   sizeXML{Unit: "bytes"},
		Allocation: &sizeXML{Unit: "bytes"},
		Target:     volumeTargetXML{Format: formatXML{Type: "raw"}, Permissions: permissionsXML{Mode: mode}},
	}
}

// overlayVolume describes a qcow2 of size bytes whose content is that of the qcow2 at backing until it is written to.
func overlayVolume(name string, size int64, backing string) volumeXML {
	return volumeXML{
		Name:     name,
		Capacity: sizeXML{Unit: "bytes", Value: size},
		Target:   volumeTargetXML{Format: formatXML{Type: "qcow2"}, Permissions: permissionsXML{Mode: "0600"}},
		Backing:  &backingStoreXML{Path: backing, Format: formatXML{Type: "qcow2"}},
	}
}
