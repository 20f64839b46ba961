package libvirt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// errNoSubnet: every subnet that a project's network may have overlaps with something.
var errNoSubnet = errors.New("no free subnet in 192.168.128.0/17 and 10.222.0.0/16")

// subnetPools are where projects' networks are taken from, in this order, a /24 at a time.
func subnetPools() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("192.168.128.0/17"), netip.MustParsePrefix("10.222.0.0/16")}
}

// pickSubnet returns a /24 that overlaps with nothing in use. Where a pool is searched from depends on the project, so
// that a project tends to keep its subnet, and two that are made at the same moment rarely want the same.
func pickSubnet(project string, used []netip.Prefix) (netip.Prefix, error) {
	sum := sha256.Sum256([]byte("colabo\x00subnet\x00" + project))
	offset := int(binary.BigEndian.Uint16(sum[:2]))
	for _, pool := range subnetPools() {
		count := 1 << (24 - pool.Bits())
		base := pool.Addr().As4()
		for i := range count {
			address := base
			address[2] += byte((offset + i) % count)
			subnet := netip.PrefixFrom(netip.AddrFrom4(address), 24)
			if !overlaps(subnet, used) {
				return subnet, nil
			}
		}
	}
	return netip.Prefix{}, errNoSubnet
}

// overlaps says whether the subnet shares an address with one in use.
func overlaps(subnet netip.Prefix, used []netip.Prefix) bool {
	return slices.ContainsFunc(used, subnet.Overlaps)
}

// usedSubnets lists what the host's interfaces and routes and libvirt's networks use, but for the network with that UUID.
func usedSubnets(conn *binding.Connect, except string) ([]netip.Prefix, error) {
	used, err := hostSubnets()
	if err != nil {
		return nil, err
	}
	all, err := conn.ListAllNetworks(0)
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	var own []netip.Prefix
	for i := range all {
		defer free(&all[i])
		var document networkXML
		text, err := all[i].GetXMLDesc(0)
		if binding.HasCode(err, binding.ERR_NO_NETWORK) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("describe a network: %w", err)
		}
		if err := decode(text, &document); err != nil {
			return nil, err
		}
		if document.UUID == except {
			own = document.prefixes()
			continue
		}
		used = append(used, document.prefixes()...)
	}
	// The interface of our own network, while it runs, is no hindrance.
	return slices.DeleteFunc(used, func(prefix netip.Prefix) bool { return slices.Contains(own, prefix) }), nil
}

// prefixes are the IPv4 subnets and routes of a network.
func (n *networkXML) prefixes() []netip.Prefix {
	var all []netip.Prefix
	for _, ip := range n.IPs {
		if prefix, ok := parsePrefix(ip.Address, ip.Netmask, ip.Prefix); ok {
			all = append(all, prefix)
		}
	}
	for _, route := range n.Routes {
		if prefix, ok := parsePrefix(route.Address, route.Netmask, route.Prefix); ok {
			all = append(all, prefix)
		}
	}
	return all
}

// parsePrefix reads an IPv4 subnet in one of libvirt's two ways of writing it; false for anything else.
func parsePrefix(address, netmask string, bits int) (netip.Prefix, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil || !ip.Is4() {
		return netip.Prefix{}, false
	}
	if netmask != "" {
		ones, size := net.IPMask(net.ParseIP(netmask).To4()).Size()
		if size != 32 {
			return netip.Prefix{}, false
		}
		bits = ones
	}
	prefix, err := ip.Prefix(bits)
	return prefix, err == nil
}

// hostSubnets lists the IPv4 subnets of the host's interfaces and routes.
func hostSubnets() ([]netip.Prefix, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list the host's addresses: %w", err)
	}
	var all []netip.Prefix
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil && prefix.Addr().Is4() {
			all = append(all, prefix.Masked())
		}
	}
	routes, err := os.ReadFile("/proc/net/route")
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the host's routes: %w", err)
	}
	return append(all, parseRoutes(routes)...), nil
}

// parseRoutes reads /proc/net/route; the default route is left out.
func parseRoutes(table []byte) []netip.Prefix {
	var all []netip.Prefix
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		if len(fields) < 8 {
			continue
		}
		destination, err := strconv.ParseUint(fields[1], 16, 32)
		if err != nil {
			continue // the heading
		}
		mask, err := strconv.ParseUint(fields[7], 16, 32)
		if err != nil || mask == 0 {
			continue
		}
		var address, netmask [4]byte
		binary.NativeEndian.PutUint32(address[:], uint32(destination))
		binary.NativeEndian.PutUint32(netmask[:], uint32(mask))
		ones, _ := net.IPMask(netmask[:]).Size()
		if prefix, err := netip.AddrFrom4(address).Prefix(ones); err == nil {
			all = append(all, prefix)
		}
	}
	return all
}
