package libvirt

import (
	"encoding/xml"
	"fmt"
)

// domainXML is the part of libvirt's domain document that colabo writes and reads.
type domainXML struct {
	XMLName  xml.Name       `xml:"domain"`
	Type     string         `xml:"type,attr"`
	Name     string         `xml:"name"`
	UUID     string         `xml:"uuid"`
	GenID    *struct{}      `xml:"genid"`
	Metadata domainMetadata `xml:"metadata"`
	Memory   sizeXML        `xml:"memory"`
	// CurrentMemory is what somebody gave a machine that could have more; we give all.
	CurrentMemory *sizeXML    `xml:"currentMemory"`
	VCPU          vcpuXML     `xml:"vcpu"`
	OS            osXML       `xml:"os"`
	Features      featuresXML `xml:"features"`
	CPU           cpuXML      `xml:"cpu"`
	Clock         clockXML    `xml:"clock"`
	OnPoweroff    string      `xml:"on_poweroff"`
	OnReboot      string      `xml:"on_reboot"`
	OnCrash       string      `xml:"on_crash"`
	Devices       devicesXML  `xml:"devices"`
}

type domainMetadata struct {
	Machine *machineTag
}

type sizeXML struct {
	Unit  string `xml:"unit,attr,omitempty"`
	Value int64  `xml:",chardata"`
}

// vcpuXML is how many processors the machine can have; Current, where somebody said so, how many it has.
type vcpuXML struct {
	Current int `xml:"current,attr,omitempty"`
	Value   int `xml:",chardata"`
}

type osXML struct {
	Type osTypeXML `xml:"type"`
	Boot bootXML   `xml:"boot"`
}

type osTypeXML struct {
	Machine string `xml:"machine,attr"`
	Value   string `xml:",chardata"`
}

type bootXML struct {
	Dev string `xml:"dev,attr"`
}

type featuresXML struct {
	ACPI struct{} `xml:"acpi"`
	APIC struct{} `xml:"apic"`
}

type cpuXML struct {
	Mode string `xml:"mode,attr"`
}

type clockXML struct {
	Offset string     `xml:"offset,attr"`
	Timers []timerXML `xml:"timer"`
}

type timerXML struct {
	Name       string `xml:"name,attr"`
	TickPolicy string `xml:"tickpolicy,attr,omitempty"`
	Present    string `xml:"present,attr,omitempty"`
}

type devicesXML struct {
	Disks      []diskXML      `xml:"disk"`
	Interfaces []interfaceXML `xml:"interface"`
	Serials    []serialXML    `xml:"serial"`
	Channels   []channelXML   `xml:"channel"`
	Video      *videoXML      `xml:"video"`
	RNG        *rngXML        `xml:"rng"`
	Balloon    *modelXML      `xml:"memballoon"`
	Panic      *modelXML      `xml:"panic"`
}

type diskXML struct {
	Type     string        `xml:"type,attr"`
	Device   string        `xml:"device,attr"`
	Driver   diskDriverXML `xml:"driver"`
	Source   fileXML       `xml:"source"`
	Target   targetXML     `xml:"target"`
	ReadOnly *struct{}     `xml:"readonly"`
	Serial   string        `xml:"serial,omitempty"`
}

type diskDriverXML struct {
	Name        string `xml:"name,attr"`
	Type        string `xml:"type,attr"`
	Cache       string `xml:"cache,attr,omitempty"`
	ErrorPolicy string `xml:"error_policy,attr,omitempty"`
	Discard     string `xml:"discard,attr,omitempty"`
}

type fileXML struct {
	File string `xml:"file,attr"`
}

type targetXML struct {
	Dev string `xml:"dev,attr"`
	Bus string `xml:"bus,attr"`
}

type interfaceXML struct {
	Type   string             `xml:"type,attr"`
	MAC    macXML             `xml:"mac"`
	Source interfaceSourceXML `xml:"source"`
	Model  interfaceModelXML  `xml:"model"`
	ROM    romXML             `xml:"rom"`
}

type romXML struct {
	Enabled string `xml:"enabled,attr"`
}

type macXML struct {
	Address string `xml:"address,attr"`
}

type interfaceSourceXML struct {
	Network string `xml:"network,attr"`
}

type interfaceModelXML struct {
	Type string `xml:"type,attr"`
}

type serialXML struct {
	Type   string          `xml:"type,attr"`
	Source serialSourceXML `xml:"source"`
	Target serialTargetXML `xml:"target"`
}

type serialSourceXML struct {
	Path   string `xml:"path,attr"`
	Append string `xml:"append,attr,omitempty"`
}

type serialTargetXML struct {
	Port string `xml:"port,attr"`
}

type channelXML struct {
	Type   string           `xml:"type,attr"`
	Target channelTargetXML `xml:"target"`
}

type channelTargetXML struct {
	Type string `xml:"type,attr"`
	Name string `xml:"name,attr"`
}

type videoXML struct {
	Model interfaceModelXML `xml:"model"`
}

type modelXML struct {
	Model string `xml:"model,attr"`
}

type rngXML struct {
	Model   string        `xml:"model,attr"`
	Backend rngBackendXML `xml:"backend"`
}

type rngBackendXML struct {
	Model string `xml:"model,attr"`
	Value string `xml:",chardata"`
}

// encode is the document as libvirt is given it.
func encode(document any) (string, error) {
	text, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode XML: %w", err)
	}
	return string(text) + "\n", nil
}

// decode reads a document that libvirt gave.
func decode(text string, document any) error {
	if err := xml.Unmarshal([]byte(text), document); err != nil {
		return fmt.Errorf("decode libvirt's XML: %w", err)
	}
	return nil
}
