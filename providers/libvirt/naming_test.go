package libvirt

import (
	"regexp"
	"strings"
	"testing"

	"github.com/colabo/colabo/providers"
)

func TestVolumeNamesComeBack(t *testing.T) {
	for _, id := range []providers.ID{
		{Project: "0123456789ab", Machine: "dev"},
		{Project: "a-b", Machine: "c-d"},
		{Project: "a.b", Machine: "c.d"},
		{Project: "p_5f", Machine: "_"},
		{Project: "ünï", Machine: "a/b\\c d\n"},
	} {
		for _, kind := range []volumeKind{rootVolume, seedVolume, consoleVolume} {
			volumeName := volumeName(providers.Spec{ID: id, ProjectName: "a.b c"}, kind)
			if strings.ContainsAny(volumeName, "/\\ \n") {
				t.Errorf("%q is no file name", volumeName)
			}
			got, gotKind, ok := parseVolumeName(volumeName)
			if !ok || got != id || gotKind != kind {
				t.Errorf("%q came back as %v %s %v, want %v %s", volumeName, got, gotKind, ok, id, kind)
			}
		}
	}
}

func TestForeignVolumesAreNotOurs(t *testing.T) {
	for _, volumeName := range []string{
		"box-8d2357c2f2ec7882-72opwogg.qcow2", "box-8d2357c2f2ec7882-72opwogg.ok", "debian.qcow2", "a.b.c", "",
		"my.own.backup.qcow2", "a..b.root.qcow2", "a.b..root.qcow2", "a._zz.b.root.qcow2", "a._41.b.root.qcow2", "a._4.b.seed.iso",
	} {
		if id, kind, ok := parseVolumeName(volumeName); ok {
			t.Errorf("%q was taken for the %s of %v", volumeName, kind, id)
		}
	}
}

func TestRotatedConsoleIsTheMachines(t *testing.T) {
	id, _, ok := parseVolumeName("fun.dev.0123456789ab.console.log.0")
	if want := (providers.ID{Project: "0123456789ab", Machine: "dev"}); !ok || id != want {
		t.Errorf("got %v %v, want %v", id, ok, want)
	}
}

func TestDerivedNamesDiffer(t *testing.T) {
	seen := map[string]providers.ID{}
	for _, id := range []providers.ID{
		{Project: "a", Machine: "b-c"}, {Project: "a-b", Machine: "c"}, {Project: "a", Machine: "b.c"}, {Project: "a", Machine: "b_2ec"},
		{Project: "a", Machine: "B-c"}, {Project: "c-a", Machine: "b"},
	} {
		spec := providers.Spec{ID: id, ProjectName: "x"}
		for _, text := range []string{machineUUID(id), domainName(spec), volumeName(spec, rootVolume), "label " + id.Project + dnsLabel(id.Machine)} {
			if other, taken := seen[text]; taken {
				if strings.HasPrefix(text, "label") && strings.EqualFold(other.Machine, id.Machine) {
					continue // host names don't know case
				}
				t.Errorf("%q is the name of %v and of %v", text, other, id)
			}
			seen[text] = id
		}
	}
}

func TestUUIDIsAnRFC9562One(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if uuid := networkUUID("0123456789ab"); !form.MatchString(uuid) {
		t.Errorf("%q is no version 8 UUID", uuid)
	}
}

func TestNamesFitTheirPlaces(t *testing.T) {
	label := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	short := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,23}$`)
	for _, text := range []string{"dev", "Dev", "my_db", "", "-", "a.b", "Spaß", "楽しい", strings.Repeat("x", 100), "-a-", strings.Repeat("é-", 70)} {
		if got := dnsLabel(text); !label.MatchString(got) {
			t.Errorf("dnsLabel(%q) is %q", text, got)
		}
		if got := providers.Readable(text, "project"); !short.MatchString(got) {
			t.Errorf("readable(%q) is %q", text, got)
		}
		if got := bridgeName(text); len(got) > 15 {
			t.Errorf("bridgeName(%q) is %q, too long for the kernel", text, got)
		}
	}
}
