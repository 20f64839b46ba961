package libvirt

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// project is a new project id; what it makes is purged, and the image removed, when the test ends.
func project(t *testing.T, p *provider, image providers.Image) string {
	t.Helper()
	removeImage(t, p, image)
	id := "lvtest" + nonceHex()
	purge(t, p, id)
	return id
}

func create(t *testing.T, p *provider, spec providers.Spec) {
	t.Helper()
	if err := p.Create(t.Context(), spec, func(string) {}); err != nil {
		t.Fatal(err)
	}
}

func inspect(t *testing.T, p *provider, id providers.ID) providers.Status {
	t.Helper()
	status, err := p.Inspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// TestAddresses: each machine has an address of its own, in one subnet, known before it runs and for as long as it is.
func TestAddresses(t *testing.T) {
	p, image := openLibvirt(t), emptyImage(t)
	id := project(t, p, image)
	names := []string{"api", "db", "web"}
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, machine := range names {
		spec := testSpec(image, id, machine)
		wg.Go(func() { errs[i] = p.Create(t.Context(), spec, func(string) {}) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	addresses := map[string]netip.Addr{}
	for _, machine := range names {
		address, err := netip.ParseAddr(inspect(t, p, providers.ID{Project: id, Machine: machine}).Address)
		if err != nil {
			t.Fatal(err)
		}
		for other, taken := range addresses {
			if taken == address || netip.PrefixFrom(taken, 24).Masked() != netip.PrefixFrom(address, 24).Masked() {
				t.Errorf("%s has %v, %s has %v", machine, address, other, taken)
			}
		}
		addresses[machine] = address
	}
	if err := p.Destroy(t.Context(), providers.ID{Project: id, Machine: "db"}); err != nil {
		t.Fatal(err)
	}
	create(t, p, testSpec(image, id, "cache"))
	for _, machine := range []string{"api", "web"} {
		if got := inspect(t, p, providers.ID{Project: id, Machine: machine}).Address; got != addresses[machine].String() {
			t.Errorf("%s was at %v and is at %s", machine, addresses[machine], got)
		}
	}
}

// TestNetworkLivesWithItsMachines: it goes with the last one, and Start repairs what others did to it.
func TestNetworkLivesWithItsMachines(t *testing.T) {
	p, image := openLibvirt(t), emptyImage(t)
	id := project(t, p, image)
	spec := testSpec(image, id, "web")
	create(t, p, spec)
	before := inspect(t, p, spec.ID).Address
	for what, harm := range map[string]func(n *network) error{
		"stopped": func(n *network) error { return n.Destroy() },
		"removed": func(n *network) error { return errors.Join(n.Destroy(), n.Undefine()) },
	} {
		n := networkOf(t, p, id)
		if err := harm(n); err != nil {
			t.Fatal(err)
		}
		free(n)
		if err := p.Start(t.Context(), spec.ID); err != nil {
			t.Errorf("with its network %s: %v", what, err)
		}
		if got := inspect(t, p, spec.ID); got.State != providers.Running || got.Address != before {
			t.Errorf("with its network %s it is %+v, was at %s", what, got, before)
		}
		if err := p.Stop(t.Context(), spec.ID, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Destroy(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, id); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestBroken: a machine whose disk somebody removed is broken, and Create makes it anew.
func TestBroken(t *testing.T) {
	p, image := openLibvirt(t), emptyImage(t)
	id := project(t, p, image)
	spec := testSpec(image, id, "web")
	create(t, p, spec)
	_, pool, _ := inPool(t, p, image)
	if err := deleteVolumeNamed(pool, volumeName(spec, rootVolume)); err != nil {
		t.Fatal(err)
	}
	status := inspect(t, p, spec.ID)
	if status.State != providers.Broken || !strings.Contains(status.Detail, volumeName(spec, rootVolume)) {
		t.Errorf("without its disk it is %+v", status)
	}
	create(t, p, spec)
	if status := inspect(t, p, spec.ID); status.State != providers.Stopped {
		t.Errorf("made anew it is %+v", status)
	}
}

// TestForeignThingsStay: what carries no tag, or the tag of one of ours by way of a copy, is not listed and not removed.
func TestForeignThingsStay(t *testing.T) {
	p, image := openLibvirt(t), emptyImage(t)
	id := project(t, p, image)
	spec := testSpec(image, id, "web")
	create(t, p, spec)
	conn, pool, _ := inPool(t, p, image)

	copied := newDomain(spec, hardware{"qemu", machineQ35, cpuMaximum}, parts{root: "/none", seed: "/none", console: "/dev/null", network: "default"})
	copied.Name, copied.UUID = "copy-of-"+id, derivedUUID("copy", id)
	text, err := encode(copied)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := conn.DomainDefineXMLFlags(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer free(foreign)
	defer func() {
		if err := foreign.UndefineFlags(0); err != nil {
			t.Errorf("the copy was removed: %v", err)
		}
	}()
	note := "notes-about-" + id + ".txt"
	if _, err := createVolume(t.Context(), conn, pool, rawVolume(note, "0644"), nil); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if !volumeExists(pool, note) {
			t.Error("the foreign volume was removed")
		}
		if err := deleteVolumeNamed(pool, note); err != nil {
			t.Error(err)
		}
	}()

	list, err := p.List(t.Context(), id)
	if err != nil || len(list) != 1 || list[0].Ref != domainName(spec) {
		t.Errorf("got %v, %v; want the one machine", list, err)
	}
	if err := p.Purge(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.LookupDomainByUUIDString(machineUUID(spec.ID)); !binding.HasCode(err, binding.ERR_NO_DOMAIN) {
		t.Errorf("after Purge the machine's domain is there: %v", err)
	}
}

// TestCreateRefusesBeforeItMakes: a Spec that can't be made leaves nothing, the pool untouched included.
func TestCreateRefusesBeforeItMakes(t *testing.T) {
	p, image := openLibvirt(t), emptyImage(t)
	id := project(t, p, image)
	for what, spoil := range map[string]func(spec *providers.Spec){
		"accelerator":    func(spec *providers.Spec) { spec.Options = &Options{Accelerator: "warp"} },
		"foreign block":  func(spec *providers.Spec) { spec.Options = "x" },
		"no MAC":         func(spec *providers.Spec) { spec.MAC = "" },
		"no disk":        func(spec *providers.Spec) { spec.Image.Disk = "" },
		"missing disk":   func(spec *providers.Spec) { spec.Image.Disk += ".none" },
		"docker image":   func(spec *providers.Spec) { spec.Image = providers.Image{Reference: "debian:12"} },
		"no digest":      func(spec *providers.Spec) { spec.Image.Digest = "latest" },
		"bad cloud-init": func(spec *providers.Spec) { spec.CloudInit.User = "" },
	} {
		spec := testSpec(image, id, "web")
		spoil(&spec)
		err := p.Create(t.Context(), spec, func(text string) { t.Errorf("%s: it began: %s", what, text) })
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if left := leftovers(t, id); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestConsole: what is in the serial port's file can be read, and only the end of it where that is asked for.
func TestConsole(t *testing.T) {
	p, image := openLibvirt(t), emptyImage(t)
	id := project(t, p, image)
	spec := testSpec(image, id, "web")
	create(t, p, spec)
	if text, err := p.Console(t.Context(), spec.ID, 100); err != nil || len(text) != 0 {
		t.Errorf("before the first start the console holds %q, %v", text, err)
	}
	if err := p.Start(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	// A guest without a system prints nothing, so that the test does.
	path := consolePath(t, p, spec.ID)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if errors.Is(err, os.ErrPermission) {
		t.Skip("only root can write to the console's file")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(strings.Repeat("x", 600<<10) + "the end"); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{7, 300 << 10} {
		text, err := p.Console(t.Context(), spec.ID, limit)
		if err != nil || len(text) != limit || !strings.HasSuffix(string(text), "the end") {
			t.Errorf("limit %d: %d bytes, %v", limit, len(text), err)
		}
	}
}

func networkOf(t *testing.T, p *provider, id string) *network {
	t.Helper()
	conn, err := p.connection(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := findNetwork(conn, id)
	if err != nil || n == nil {
		t.Fatalf("network of %s: %v, %v", id, n, err)
	}
	return n
}

func consolePath(t *testing.T, p *provider, id providers.ID) string {
	t.Helper()
	conn, err := p.connection(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := findMachine(conn, id)
	if err != nil || m == nil {
		t.Fatalf("domain of %v: %v", id, err)
	}
	defer free(m)
	return m.Devices.Serials[0].Source.Path
}
