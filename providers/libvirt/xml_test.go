package libvirt

import (
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/colabo/colabo/providers"
)

// update rewrites the golden files.
var update = flag.Bool("update", false, "rewrite the golden files")

// hostile is a Spec whose texts try to break out of where they are put.
func hostile() providers.Spec {
	return providers.Spec{
		ID:          providers.ID{Project: "0123456789ab", Machine: `we"b&<x>'`},
		ProjectName: "fun & <time> \"x\"\nSpaß 楽しい",
		ProjectDir:  "/srv/a&b/<c>/\"d\"/'e'/line\nbreak/tab\t/Spaß 🎉/]]>",
		Hostname:    "Web.example",
		CPUs:        2,
		Memory:      2 << 30,
		Image:       providers.Image{Name: "debian-12", Digest: "sha256:00"},
		MAC:         "52:54:00:AB:cd:ef",
		Digest:      "sha256:<&>",
	}
}

// plain is an ordinary Spec, which leaves what it can to the defaults.
func plain() providers.Spec {
	return providers.Spec{
		ID:          providers.ID{Project: "0123456789ab", Machine: "dev"},
		ProjectName: "funtime", ProjectDir: "/srv/funtime", Hostname: "funtime",
		Image: providers.Image{Name: "debian-12", Digest: "sha256:00"},
		MAC:   "52:54:00:01:02:03", Digest: "sha256:11",
	}
}

// documents are the XML documents that colabo hands to libvirt, with the schema's name of each.
func documents(t *testing.T) map[string]struct {
	schema   string
	document any
} {
	t.Helper()
	subnet := netip.MustParsePrefix("192.168.130.0/24")
	domainOf := func(spec providers.Spec, hw hardware) domainXML {
		return newDomain(spec, hw, parts{
			network: networkName(spec.ProjectName, spec.Project),
			root:    "/pool/" + volumeName(spec, rootVolume),
			seed:    "/pool/" + volumeName(spec, seedVolume),
			console: "/pool/" + volumeName(spec, consoleVolume),
		})
	}
	networkOf := func(spec providers.Spec) networkXML {
		m := newMember(spec)
		document := newNetwork(m.network, m.tag, subnet)
		document.IPs[0].DHCP.Hosts = []dhcpHostXML{m.dhcpHost("192.168.130.10")}
		document.DNS.Hosts = []dnsHostXML{m.dnsHost("192.168.130.10", nil)}
		return document
	}
	type entry = struct {
		schema   string
		document any
	}
	return map[string]entry{
		"domain_plain_tcg.xml":   {"domain", domainOf(plain(), hardware{"qemu", machineQ35, cpuMaximum})},
		"domain_hostile_kvm.xml": {"domain", domainOf(hostile(), hardware{"kvm", machinePC, cpuHostPassthrough})},
		"network_plain.xml":      {"network", networkOf(plain())},
		"network_hostile.xml":    {"network", networkOf(hostile())},
		"pool.xml":               {"storagepool", newPool(poolPlace{name: "colabo", path: "/var/lib/a & <b>"})},
		"volume_overlay.xml":     {"storagevol", overlayVolume(volumeName(hostile(), rootVolume), 10<<30, "/pool/box & <x>.qcow2")},
		"volume_raw.xml":         {"storagevol", rawVolume("box-00.qcow2", "0644")},
	}
}

func TestDocumentsAreGolden(t *testing.T) {
	for file, entry := range documents(t) {
		t.Run(file, func(t *testing.T) {
			got, err := encode(entry.document)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s (go test -update rewrites it); got:\n%s", golden, got)
			}
		})
	}
}

func TestDocumentsComeBack(t *testing.T) {
	for file, entry := range documents(t) {
		t.Run(file, func(t *testing.T) {
			text, err := encode(entry.document)
			if err != nil {
				t.Fatal(err)
			}
			back := reflect.New(reflect.TypeOf(entry.document))
			if err := decode(text, back.Interface()); err != nil {
				t.Fatal(err)
			}
			again, err := encode(back.Elem().Interface())
			if err != nil {
				t.Fatal(err)
			}
			if again != text {
				t.Errorf("was\n%s\ncame back as\n%s", text, again)
			}
		})
	}
}

func TestTagKeepsHostileTexts(t *testing.T) {
	spec := hostile()
	text, err := encode(newDomain(spec, hardware{"qemu", machineQ35, cpuMaximum}, parts{}))
	if err != nil {
		t.Fatal(err)
	}
	var back domainXML
	if err := decode(text, &back); err != nil {
		t.Fatal(err)
	}
	got, want := *back.Metadata.Machine, *tagOf(spec)
	got.XMLName = want.XMLName
	if got != want {
		t.Errorf("tag is %+v, want %+v", got, want)
	}
}

func TestDocumentsFitTheSchema(t *testing.T) {
	tool := findTool(t, "virt-xml-validate", "libvirt-clients")
	findTool(t, "xmllint", "libxml2-utils") // which it calls
	for file, entry := range documents(t) {
		t.Run(file, func(t *testing.T) {
			output, err := exec.CommandContext(t.Context(), tool, filepath.Join("testdata", file), entry.schema).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}
