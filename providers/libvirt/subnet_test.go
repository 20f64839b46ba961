package libvirt

import (
	"errors"
	"net/netip"
	"testing"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestPickSubnetAvoidsWhatIsUsed(t *testing.T) {
	first, err := pickSubnet("p", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		used []netip.Prefix
		in   string
	}{
		"nothing":             {nil, first.String()},
		"the same":            {[]netip.Prefix{first}, "192.168.128.0/17"},
		"an address of it":    {[]netip.Prefix{netip.PrefixFrom(nth(first, 77), 32)}, "192.168.128.0/17"},
		"the pool":            {prefixes("192.168.0.0/16"), "10.222.0.0/16"},
		"the pool in halves":  {prefixes("192.168.128.0/18", "192.168.192.0/18"), "10.222.0.0/16"},
		"all of it but a /24": {prefixes("192.168.0.0/16", "10.0.0.0/9", "10.128.0.0/10", "10.192.0.0/12", "10.208.0.0/13", "10.216.0.0/14", "10.220.0.0/15", "10.222.1.0/24", "10.222.2.0/23", "10.222.4.0/22", "10.222.8.0/21", "10.222.16.0/20", "10.222.32.0/19", "10.222.64.0/18", "10.222.128.0/17"), "10.222.0.0/24"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pickSubnet("p", test.used)
			if err != nil {
				t.Fatal(err)
			}
			if !netip.MustParsePrefix(test.in).Overlaps(got) || overlaps(got, test.used) || got.Bits() != 24 {
				t.Errorf("got %v, want a free /24 in %s", got, test.in)
			}
		})
	}
	if _, err := pickSubnet("p", prefixes("192.168.0.0/16", "10.0.0.0/8")); !errors.Is(err, errNoSubnet) {
		t.Errorf("with everything in use: %v", err)
	}
}

func TestPickSubnetDependsOnTheProject(t *testing.T) {
	seen := map[netip.Prefix]bool{}
	for _, project := range []string{"a", "b", "c", "d", "e", "f"} {
		subnet, err := pickSubnet(project, nil)
		if err != nil {
			t.Fatal(err)
		}
		seen[subnet] = true
	}
	if len(seen) < 4 {
		t.Errorf("six projects want %d subnets", len(seen))
	}
}

func TestParseRoutes(t *testing.T) {
	const table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
		"docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n" +
		"tun0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n" +
		"broken\n"
	got := parseRoutes([]byte(table))
	want := prefixes("172.17.0.0/16", "10.0.0.0/8")
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNetworkPrefixes(t *testing.T) {
	document := networkXML{
		IPs: []networkIPXML{
			{Address: "192.168.122.1", Netmask: "255.255.255.0"}, {Address: "10.5.6.7", Prefix: 20},
			{Family: "ipv6", Address: "fd00::1", Prefix: 64}, {Address: "nonsense"},
		},
		Routes: []networkRoutXML{{Address: "10.99.0.0", Prefix: 16}},
	}
	got := document.prefixes()
	want := prefixes("192.168.122.0/24", "10.5.0.0/20", "10.99.0.0/16")
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestRenumberedKeepsMachines(t *testing.T) {
	m := newMember(plain())
	document := newNetwork("colabo-old-name", m.tag, netip.MustParsePrefix("192.168.130.0/24"))
	document.IPs[0].DHCP.Hosts = []dhcpHostXML{m.dhcpHost("192.168.130.17")}
	document.DNS.Hosts = []dnsHostXML{m.dnsHost("192.168.130.17", nil)}
	moved := document.renumbered(netip.MustParsePrefix("10.222.3.0/24"))
	if got := moved.address(m.mac); got != "10.222.3.17" {
		t.Errorf("the machine is at %q", got)
	}
	if got := moved.DNS.Hosts[0].IP; got != "10.222.3.17" {
		t.Errorf("its names are at %q", got)
	}
	if moved.Name != document.Name || moved.UUID != document.UUID || moved.Metadata.Network.Project != document.Metadata.Network.Project {
		t.Errorf("another network came of it: %+v", moved)
	}
}

func TestDNSNames(t *testing.T) {
	for name, test := range map[string]struct {
		machine, hostname string
		others            []dnsHostXML
		want              []string
	}{
		"both":         {"dev", "funtime", nil, []string{"funtime", "dev"}},
		"the same":     {"web", "Web", nil, []string{"web"}},
		"name is used": {"web", "db", []dnsHostXML{{IP: "10.0.0.1", Names: []string{"db"}}}, []string{"web"}},
		"all are used": {"db", "db", []dnsHostXML{{IP: "10.0.0.1", Names: []string{"db"}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := member{tag: &machineTag{Machine: test.machine, Hostname: test.hostname}}
			got := m.dnsHost("10.0.0.2", test.others).Names
			if len(got) != len(test.want) {
				t.Fatalf("got %v, want %v", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
		})
	}
}
