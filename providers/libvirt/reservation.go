package libvirt

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// A machine's reservation is two entries of its network: a DHCP host, which gives the address, and a DNS host, by
// which the project's other machines find it under its host name and its name in the Colabofile.

// dhcpHost is the machine's DHCP entry. Its name is what removes it again when the domain is lost.
func (m member) dhcpHost(address string) dhcpHostXML {
	return dhcpHostXML{MAC: strings.ToLower(m.mac), Name: dnsLabel(m.tag.Machine), IP: address}
}

// dnsHost is the machine's DNS entry; names that others have are left to them.
func (m member) dnsHost(address string, others []dnsHostXML) dnsHostXML {
	entry := dnsHostXML{IP: address}
	for _, candidate := range []string{strings.ToLower(m.tag.Hostname), dnsLabel(m.tag.Machine)} {
		taken := slices.ContainsFunc(others, func(other dnsHostXML) bool { return slices.Contains(other.Names, candidate) })
		if candidate != "" && !taken && !slices.Contains(entry.Names, candidate) {
			entry.Names = append(entry.Names, candidate)
		}
	}
	return entry
}

// reserve gives the machine an address, unless it has one.
func (n *network) reserve(m member) error {
	if len(n.IPs) == 0 || n.IPs[0].DHCP == nil {
		return fmt.Errorf("network %s has no DHCP", n.Name)
	}
	if address := n.address(m.mac); address != "" {
		return n.announce(m, address)
	}
	if err := n.forget(m.tag.Machine); err != nil {
		return err
	}
	address, err := n.freeAddress(m.mac)
	if err != nil {
		return err
	}
	if err := n.update(binding.NETWORK_UPDATE_COMMAND_ADD_LAST, binding.NETWORK_SECTION_IP_DHCP_HOST, m.dhcpHost(address)); err != nil {
		return fmt.Errorf("reserve %s in network %s: %w", address, n.Name, err)
	}
	return n.announce(m, address)
}

// announce makes the machine known by name, unless it is.
func (n *network) announce(m member, address string) error {
	var others []dnsHostXML
	if n.DNS != nil {
		others = n.DNS.Hosts
	}
	known := slices.ContainsFunc(others, func(entry dnsHostXML) bool { return entry.IP == address })
	entry := m.dnsHost(address, others)
	if known || len(entry.Names) == 0 {
		return nil
	}
	if err := n.update(binding.NETWORK_UPDATE_COMMAND_ADD_LAST, binding.NETWORK_SECTION_DNS_HOST, entry); err != nil {
		return fmt.Errorf("name %s in network %s: %w", address, n.Name, err)
	}
	return nil
}

// forget removes a machine's reservation, if it has one.
func (n *network) forget(machine string) error {
	if len(n.IPs) == 0 || n.IPs[0].DHCP == nil {
		return nil
	}
	label := dnsLabel(machine)
	dhcp := n.IPs[0].DHCP
	var errs []error
	dhcp.Hosts = slices.DeleteFunc(dhcp.Hosts, func(host dhcpHostXML) bool {
		if host.Name != label {
			return false
		}
		errs = append(errs, n.update(binding.NETWORK_UPDATE_COMMAND_DELETE, binding.NETWORK_SECTION_IP_DHCP_HOST, host), n.silence(host.IP))
		return true
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("free the address of %s in network %s: %w", machine, n.Name, err)
	}
	return nil
}

// silence removes the names of an address.
func (n *network) silence(address string) error {
	if n.DNS == nil {
		return nil
	}
	var errs []error
	n.DNS.Hosts = slices.DeleteFunc(n.DNS.Hosts, func(entry dnsHostXML) bool {
		if entry.IP != address {
			return false
		}
		errs = append(errs, n.update(binding.NETWORK_UPDATE_COMMAND_DELETE, binding.NETWORK_SECTION_DNS_HOST, entry))
		return true
	})
	return errors.Join(errs...)
}

// address is what is reserved for a network card, or "".
func (n *networkXML) address(mac string) string {
	for _, ip := range n.IPs {
		if ip.DHCP == nil {
			continue
		}
		for _, host := range ip.DHCP.Hosts {
			if strings.EqualFold(host.MAC, mac) {
				return host.IP
			}
		}
	}
	return ""
}

// freeAddress picks an address that is neither reserved nor leased to another card: dnsmasq does not give a reserved
// address out as long as a lease of somebody else's runs.
func (n *network) freeAddress(mac string) (string, error) {
	leases, err := n.GetDHCPLeases()
	if err != nil {
		return "", fmt.Errorf("list leases of network %s: %w", n.Name, err)
	}
	subnet, ok := parsePrefix(n.IPs[0].Address, n.IPs[0].Netmask, n.IPs[0].Prefix)
	if !ok {
		return "", fmt.Errorf("network %s has no IPv4 subnet", n.Name)
	}
	taken := map[string]bool{}
	for _, host := range n.IPs[0].DHCP.Hosts {
		taken[host.IP] = true
	}
	for _, lease := range leases {
		taken[lease.IPaddr] = taken[lease.IPaddr] || !strings.EqualFold(lease.Mac, mac)
	}
	for host := firstMachine; host <= lastMachine; host++ {
		if address := nth(subnet, host).String(); !taken[address] {
			return address, nil
		}
	}
	return "", fmt.Errorf("network %s is full: it has place for %d machines", n.Name, lastMachine-firstMachine+1)
}

// update changes the network's definition, and the running network where it runs.
func (n *network) update(command binding.NetworkUpdateCommand, section binding.NetworkUpdateSection, entry any) error {
	text, err := encode(entry)
	if err != nil {
		return err
	}
	flags := binding.NETWORK_UPDATE_AFFECT_CONFIG
	active, err := n.IsActive()
	if err != nil {
		return err
	}
	if active {
		flags |= binding.NETWORK_UPDATE_AFFECT_LIVE
	}
	return n.Update(command, section, -1, text, flags)
}

// renumbered is the same network in another subnet; machines keep the last part of their addresses.
func (n *networkXML) renumbered(subnet netip.Prefix) networkXML {
	tag := n.Metadata.Network
	document := newNetwork(n.Name, &machineTag{Project: tag.Project, ProjectName: tag.ProjectName, ProjectDir: tag.ProjectDir}, subnet)
	move := func(address string) string {
		ip, err := netip.ParseAddr(address)
		if err != nil || !ip.Is4() {
			return address
		}
		return nth(subnet, int(ip.As4()[3])).String()
	}
	for _, ip := range n.IPs {
		if ip.DHCP == nil {
			continue
		}
		for _, host := range ip.DHCP.Hosts {
			host.IP = move(host.IP)
			document.IPs[0].DHCP.Hosts = append(document.IPs[0].DHCP.Hosts, host)
		}
	}
	if n.DNS != nil {
		for _, entry := range n.DNS.Hosts {
			entry.IP = move(entry.IP)
			document.DNS.Hosts = append(document.DNS.Hosts, entry)
		}
	}
	return document
}

// leaveNetwork frees the machine's address. A network that has no machine any more is removed.
func (p *provider) leaveNetwork(ctx context.Context, conn *binding.Connect, id providers.ID) error {
	release, err := p.networkLock.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	n, err := findNetwork(conn, id.Project)
	if n == nil || err != nil {
		return err
	}
	defer free(n)
	others := slices.DeleteFunc(n.machines(), func(label string) bool { return label == dnsLabel(id.Machine) })
	if len(others) == 0 {
		return removeNetwork(n)
	}
	return n.forget(id.Machine)
}

// machines are the labels of the machines that have a reservation.
func (n *networkXML) machines() []string {
	var labels []string
	for _, ip := range n.IPs {
		if ip.DHCP == nil {
			continue
		}
		for _, host := range ip.DHCP.Hosts {
			labels = append(labels, host.Name)
		}
	}
	return labels
}
