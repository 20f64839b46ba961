package libvirt

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
	"github.com/colabo/colabo/internal/sshkey"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/providertest"
)

// TestContract holds the provider to the contract with an empty disk, which takes seconds.
func TestContract(t *testing.T) {
	providertest.Run(t, newHarness(t, openLibvirt(t), emptyImage(t)).Harness)
}

// TestContractOnBox does so with a real box, guest included.
func TestContractOnBox(t *testing.T) {
	p := openLibvirt(t)
	disk := os.Getenv("COLABO_TEST_BOX_DISK")
	if disk == "" {
		const reason = "COLABO_TEST_BOX_DISK does not name the qcow2 of a box"
		if strings.Contains(os.Getenv("COLABO_REQUIRE"), "libvirt") {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	h := newHarness(t, p, providers.Image{Name: "box", Digest: "sha256:" + nonceHex() + strings.Repeat("b0", 28), Disk: disk})
	h.Guest = h.openGuest
	providertest.Run(t, h.Harness)
}

// bootTime is more than an emulated guest takes on a busy host.
const bootTime = 5 * time.Minute

// harness makes guests with a login key and a host key that the test knows.
type harness struct {
	providertest.Harness
	login, host sshkey.Pair
}

func newHarness(t *testing.T, p *provider, image providers.Image) *harness {
	t.Helper()
	h := &harness{}
	for _, pair := range []*sshkey.Pair{&h.login, &h.host} {
		made, err := sshkey.New("contract")
		if err != nil {
			t.Fatal(err)
		}
		*pair = made
	}
	removeImage(t, p, image)
	h.Harness = providertest.Harness{
		Open:      func(t *testing.T) providers.Provider { return openForContract(t) },
		Image:     image,
		Project:   "lvcontract" + nonceHex(),
		Prepare:   h.prepare,
		HalfMade:  leaveSeed,
		Leftovers: leftovers,
		Changes:   changes(),
	}
	return h
}

func TestChanges(t *testing.T) { providertest.CheckChanges(t, Kind()) }

// openForContract opens a provider that the suite itself closes.
func openForContract(t *testing.T) providers.Provider {
	t.Helper()
	p, err := open(t.Context(), providers.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// prepare completes a Spec with what the engine would choose.
func (h *harness) prepare(_ *testing.T, spec *providers.Spec) {
	completed := testSpec(spec.Image, spec.Project, spec.Machine)
	spec.MAC, spec.CloudInit = completed.MAC, completed.CloudInit
	spec.CloudInit.Hostname, spec.CloudInit.User = spec.Hostname, spec.User
	spec.CloudInit.AuthorizedKeys = []string{h.login.Public}
	spec.CloudInit.HostKey.Private, spec.CloudInit.HostKey.Public = h.host.Private, h.host.Public
}

// openGuest waits for ssh at the address that Inspect says.
func (h *harness) openGuest(t *testing.T, p providers.Provider, spec providers.Spec) guest.Guest {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	status, err := p.Inspect(ctx, spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	g, err := sshguest.WaitConnect(ctx, sshguest.Config{
		Address: net.JoinHostPort(status.Address, "22"), User: spec.User,
		PrivateKey: []byte(h.login.Private), HostKey: h.host.Public,
	}, nil)
	if err != nil {
		console, consoleErr := p.(providers.ConsoleReader).Console(context.Background(), spec.ID, 4<<10)
		t.Fatalf("%v\nconsole (%v):\n%s", err, consoleErr, console)
	}
	return g
}

// leaveSeed leaves what a Create leaves that was killed after its first volume.
func leaveSeed(t *testing.T, opened providers.Provider, spec providers.Spec) {
	t.Helper()
	p := opened.(*provider)
	conn, err := p.connection(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pool, err := p.ensurePool(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer free(pool)
	seed := rawVolume(volumeName(spec, seedVolume), "0600")
	if _, err := createVolume(t.Context(), conn, pool, seed, bytes.NewReader(make([]byte, 1000))); err != nil {
		t.Fatal(err)
	}
}

// leftovers asks virsh.
func leftovers(t *testing.T, project string) []string {
	t.Helper()
	var found []string
	for _, args := range [][]string{
		{"list", "--all", "--name"}, {"net-list", "--all", "--name"}, {"vol-list", poolName},
	} {
		output, err := exec.CommandContext(t.Context(), "virsh", append([]string{"-c", uriSystem}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("virsh %v: %v\n%s", args, err, output)
		}
		for field := range strings.FieldsSeq(string(output)) {
			if strings.HasSuffix(field, "-"+projectPart(project)) || strings.Contains(field, "."+providers.EscapeName(project)+".") && !strings.Contains(field, "/") {
				found = append(found, field)
			}
		}
	}
	return found
}
