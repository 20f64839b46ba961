package libvirt

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// Addresses in a project's /24: the host is .1, machines have reservations, and what a user attaches by hand gets one
// from the rest.
const (
	hostAddress  = 1
	firstMachine = 10
	lastMachine  = 199
	firstOther   = 200
	lastOther    = 254
)

// networkAttempts is how many subnets are tried before giving up; others take one in between only by accident.
const networkAttempts = 8

// internalDomain ends the DNS domains of projects; it is reserved for private use.
const internalDomain = ".internal"

// member is a machine as its network knows it.
type member struct {
	tag     *machineTag
	mac     string
	network string // the name that the network gets if it has to be made
}

// newMember is a machine that is to be made.
func newMember(spec providers.Spec) member {
	return member{tag: tagOf(spec), mac: spec.MAC, network: networkName(spec.ProjectName, spec.Project)}
}

// network is a project's network and its description.
type network struct {
	*binding.Network
	networkXML
}

// findNetwork returns a project's network, nil where there is none. The caller frees it.
func findNetwork(conn *binding.Connect, project string) (*network, error) {
	found, err := conn.LookupNetworkByUUIDString(networkUUID(project))
	if binding.HasCode(err, binding.ERR_NO_NETWORK) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find network of project %s: %w", project, err)
	}
	n := &network{Network: found}
	text, err := found.GetXMLDesc(0)
	if err == nil {
		err = decode(text, &n.networkXML)
	}
	if err == nil && (n.Metadata.Network == nil || n.Metadata.Network.Project != project) {
		err = fmt.Errorf("%s is in the way: it has no tag of this project", n.Name)
	}
	if err != nil {
		free(found)
		return nil, fmt.Errorf("describe network of project %s: %w", project, err)
	}
	return n, nil
}

// joinNetwork gives the machine an address in its project's network, which is made and started where needed.
// A machine that has one already keeps it. It returns the network's name: that of a project may have changed since.
func (p *provider) joinNetwork(ctx context.Context, conn *binding.Connect, m member) (string, error) {
	release, err := p.networkLock.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	for range networkAttempts {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		found, again, err := p.tryJoin(conn, m)
		if err != nil || !again {
			return found, err
		}
	}
	return "", fmt.Errorf("start network of project %s: each subnet was taken by others meanwhile", m.tag.Project)
}

// tryJoin is one attempt of joinNetwork; again says that another subnet has to be tried.
func (p *provider) tryJoin(conn *binding.Connect, m member) (found string, again bool, err error) {
	n, err := findNetwork(conn, m.tag.Project)
	if err != nil {
		return "", false, err
	}
	if n == nil {
		return p.newNetwork(conn, m)
	}
	defer free(n)
	active, err := n.IsActive()
	if err != nil {
		return "", false, fmt.Errorf("look at network %s: %w", n.Name, err)
	}
	if !active {
		if again, err := p.startNetwork(conn, n); err != nil || again {
			return "", again, err
		}
	}
	return n.Name, false, n.reserve(m)
}

// newNetwork makes a network with the machine in it.
func (p *provider) newNetwork(conn *binding.Connect, m member) (found string, again bool, err error) {
	used, err := usedSubnets(conn, networkUUID(m.tag.Project))
	if err != nil {
		return "", false, err
	}
	subnet, err := pickSubnet(m.tag.Project, used)
	if err != nil {
		return "", false, err
	}
	document := newNetwork(m.network, m.tag, subnet)
	address := nth(subnet, firstMachine).String()
	document.IPs[0].DHCP.Hosts = []dhcpHostXML{m.dhcpHost(address)}
	document.DNS.Hosts = []dnsHostXML{m.dnsHost(address, nil)}
	again, err = p.defineNetwork(conn, document)
	return document.Name, again, err
}

// defineNetwork makes and starts a network; where it does not start it is removed.
func (p *provider) defineNetwork(conn *binding.Connect, document networkXML) (again bool, err error) {
	text, err := encode(document)
	if err != nil {
		return false, err
	}
	made, err := conn.NetworkDefineXML(text)
	if err != nil {
		return false, fmt.Errorf("define network %s: %w", document.Name, err)
	}
	defer free(made)
	err = made.Create()
	if err == nil {
		return false, nil
	}
	err = errors.Join(fmt.Errorf("start network %s: %w", document.Name, err), made.Undefine())
	if p.taken(conn, document) {
		p.log.Debug("libvirt: subnet was taken meanwhile", "network", document.Name, "error", err)
		return true, nil
	}
	return false, err
}

// startNetwork starts a network that was stopped. If others have taken its subnet since, it is moved to another one.
func (p *provider) startNetwork(conn *binding.Connect, n *network) (again bool, err error) {
	err = n.Create()
	if err == nil {
		return false, nil
	}
	if active, activeErr := n.IsActive(); activeErr == nil && active {
		return false, nil // another process was faster
	}
	err = fmt.Errorf("start network %s: %w", n.Name, err)
	if !p.taken(conn, n.networkXML) {
		return false, err
	}
	used, usedErr := usedSubnets(conn, n.UUID)
	if usedErr != nil {
		return false, errors.Join(err, usedErr)
	}
	subnet, pickErr := pickSubnet(n.Metadata.Network.Project, used)
	if pickErr != nil {
		return false, errors.Join(err, pickErr)
	}
	if undefineErr := n.Undefine(); undefineErr != nil {
		return false, errors.Join(err, undefineErr)
	}
	_, err = p.defineNetwork(conn, n.renumbered(subnet))
	return true, err
}

// taken says whether something else uses the network's subnet.
func (p *provider) taken(conn *binding.Connect, document networkXML) bool {
	used, err := usedSubnets(conn, document.UUID)
	if err != nil {
		return false
	}
	for _, prefix := range document.prefixes() {
		if overlaps(prefix, used) {
			return true
		}
	}
	return false
}

// removeNetwork stops and removes a network.
func removeNetwork(n *network) error {
	active, err := n.IsActive()
	if err == nil && active {
		err = n.Destroy()
	}
	if err != nil && !binding.HasCode(err, binding.ERR_NO_NETWORK) {
		return fmt.Errorf("stop network %s: %w", n.Name, err)
	}
	if err := n.Undefine(); err != nil && !binding.HasCode(err, binding.ERR_NO_NETWORK) {
		return fmt.Errorf("undefine network %s: %w", n.Name, err)
	}
	return nil
}

// nth is an address of a /24.
func nth(subnet netip.Prefix, host int) netip.Addr {
	address := subnet.Addr().As4()
	address[3] = byte(host)
	return netip.AddrFrom4(address)
}

// newNetwork describes a project's network, without machines.
func newNetwork(text string, tag *machineTag, subnet netip.Prefix) networkXML {
	return networkXML{
		Name: text,
		UUID: networkUUID(tag.Project),
		Metadata: networkMetadata{Network: &networkTag{
			Project: tag.Project, ProjectName: tag.ProjectName, ProjectDir: tag.ProjectDir,
		}},
		Forward: &forwardXML{Mode: "nat"},
		// A bridge of taps only has no loops; without the protocol a guest's link is up at once.
		Bridge: &bridgeXML{Name: bridgeName(tag.Project), STP: "off", Delay: "0"},
		Domain: &dnsDomainXML{Name: dnsLabel(providers.Readable(tag.ProjectName, "project")) + internalDomain, LocalOnly: "yes"},
		DNS:    &dnsXML{},
		IPs: []networkIPXML{{
			Address: nth(subnet, hostAddress).String(),
			Netmask: "255.255.255.0",
			DHCP: &dhcpXML{Ranges: []dhcpRangeXML{{
				Start: nth(subnet, firstOther).String(), End: nth(subnet, lastOther).String(),
			}}},
		}},
	}
}
