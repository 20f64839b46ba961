package libvirt

import (
	"encoding/xml"

	"github.com/colabo/colabo/providers"
)

// Tags are part of what users have on disk: their namespace stays, and fields are only ever added.

// machineTag is the element in a domain's <metadata> that makes the domain ours.
type machineTag struct {
	XMLName     xml.Name `xml:"https://colabo.dev/xmlns/1 machine"`
	Project     string   `xml:"project,attr"`
	Machine     string   `xml:"name,attr"`
	ProjectName string   `xml:"projectname,attr"`
	ProjectDir  string   `xml:"dir,attr"`
	Hostname    string   `xml:"hostname,attr"`
	Digest      string   `xml:"digest,attr"`
	Image       string   `xml:"image,attr"`
	ImageDigest string   `xml:"imagedigest,attr"`
}

// networkTag is the element in a network's <metadata> that makes the network ours.
type networkTag struct {
	XMLName     xml.Name `xml:"https://colabo.dev/xmlns/1 network"`
	Project     string   `xml:"project,attr"`
	ProjectName string   `xml:"projectname,attr"`
	ProjectDir  string   `xml:"dir,attr"`
}

// tagOf is the tag of a machine that is to be made.
func tagOf(spec providers.Spec) *machineTag {
	return &machineTag{
		Project:     spec.Project,
		Machine:     spec.Machine,
		ProjectName: spec.ProjectName,
		ProjectDir:  spec.ProjectDir,
		Hostname:    spec.Hostname,
		Digest:      spec.Digest,
		Image:       spec.Image.Name,
		ImageDigest: spec.Image.Digest,
	}
}

// id is the machine that the tag names.
func (t *machineTag) id() providers.ID { return providers.ID{Project: t.Project, Machine: t.Machine} }
