package libvirt

import "encoding/xml"

// networkXML is the part of libvirt's network document that colabo writes and reads.
type networkXML struct {
	XMLName  xml.Name         `xml:"network"`
	Name     string           `xml:"name"`
	UUID     string           `xml:"uuid"`
	Metadata networkMetadata  `xml:"metadata"`
	Forward  *forwardXML      `xml:"forward"`
	Bridge   *bridgeXML       `xml:"bridge"`
	Domain   *dnsDomainXML    `xml:"domain"`
	DNS      *dnsXML          `xml:"dns"`
	IPs      []networkIPXML   `xml:"ip"`
	Routes   []networkRoutXML `xml:"route"`
}

type networkMetadata struct {
	Network *networkTag
}

type forwardXML struct {
	Mode string `xml:"mode,attr"`
}

type bridgeXML struct {
	Name  string `xml:"name,attr"`
	STP   string `xml:"stp,attr,omitempty"`
	Delay string `xml:"delay,attr,omitempty"`
}

type dnsDomainXML struct {
	Name      string `xml:"name,attr"`
	LocalOnly string `xml:"localOnly,attr,omitempty"`
}

type dnsXML struct {
	Hosts []dnsHostXML `xml:"host"`
}

// dnsHostXML gives an address its names.
type dnsHostXML struct {
	XMLName xml.Name `xml:"host"`
	IP      string   `xml:"ip,attr"`
	Names   []string `xml:"hostname"`
}

type networkIPXML struct {
	Family  string   `xml:"family,attr,omitempty"`
	Address string   `xml:"address,attr"`
	Netmask string   `xml:"netmask,attr,omitempty"`
	Prefix  int      `xml:"prefix,attr,omitempty"`
	DHCP    *dhcpXML `xml:"dhcp"`
}

type dhcpXML struct {
	Ranges []dhcpRangeXML `xml:"range"`
	Hosts  []dhcpHostXML  `xml:"host"`
}

type dhcpRangeXML struct {
	Start string `xml:"start,attr"`
	End   string `xml:"end,attr"`
}

// dhcpHostXML reserves an address; Name is the machine's DNS label.
type dhcpHostXML struct {
	XMLName xml.Name `xml:"host"`
	MAC     string   `xml:"mac,attr"`
	Name    string   `xml:"name,attr,omitempty"`
	IP      string   `xml:"ip,attr"`
}

type networkRoutXML struct {
	Address string `xml:"address,attr"`
	Netmask string `xml:"netmask,attr,omitempty"`
	Prefix  int    `xml:"prefix,attr,omitempty"`
}
