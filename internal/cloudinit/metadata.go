package cloudinit

import "fmt"

type metaData struct {
	InstanceID    text `yaml:"instance-id"`
	LocalHostname text `yaml:"local-hostname"`
}

// MetaData returns the meta-data document for c.
func MetaData(c Config) ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("make meta-data: %w", err)
	}
	return document("", metaData{InstanceID: text(c.InstanceID), LocalHostname: text(c.Hostname)})
}

type networkConfig struct {
	Version   int              `yaml:"version"`
	Ethernets map[string]ether `yaml:"ethernets"`
}

type ether struct {
	Match          macMatch `yaml:"match"`
	SetName        string   `yaml:"set-name"`
	DHCP4          bool     `yaml:"dhcp4"`
	DHCPIdentifier string   `yaml:"dhcp-identifier"`
	Overrides      dhcp     `yaml:"dhcp4-overrides"`
}

// dhcp says what of a lease is used.
type dhcp struct {
	UseDomains  bool `yaml:"use-domains"`
	UseHostname bool `yaml:"use-hostname"` // the name is in meta-data; for the lease's, networkd would start a service first
}

type macMatch struct {
	MAC text `yaml:"macaddress"`
}

// NetworkConfig returns the network-config document (version 2) for c: the card with c.MAC is called eth0 and gets its
// address by DHCP, under its MAC, so that a machine made anew with the same MAC gets the same address.
// Names without a dot are looked up in the domain that the lease names, so that machines find each other by name.
// Cards that are not named here are left down.
func NetworkConfig(c Config) ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("make network-config: %w", err)
	}
	return document("", networkConfig{Version: 2, Ethernets: map[string]ether{
		"eth0": {Match: macMatch{MAC: text(c.MAC)}, SetName: "eth0", DHCP4: true, DHCPIdentifier: "mac", Overrides: dhcp{UseDomains: true}},
	}})
}
