package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// checkedColabofile ends `up` with the first command over ssh.
const checkedColabofile = benchColabofile + `
[[machine.dev.check]]
command = ["true"]
timeout = "10m"
`

// BenchmarkFirstSSHLibvirt compares `colabo up` until its first command over ssh with the same by hand: the same
// overlay, seed and domain by qemu-img and virsh, and ssh tried every 100 ms.
func BenchmarkFirstSSHLibvirt(b *testing.B) {
	p := benchProject(b, "libvirt")
	if err := os.WriteFile(filepath.Join(p.dir, "Colabofile"), []byte(checkedColabofile), 0o644); err != nil {
		b.Fatal(err)
	}
	var ours, floor time.Duration
	for b.Loop() {
		ours += p.timed(b, "up")
		hand := newHandmade(b, p)
		p.timed(b, "halt")
		floor += hand.firstSSH(b)
		hand.remove(b)
		p.timed(b, "destroy", "-f")
	}
	report(b, ours, floor)
}

// handmade is a twin of a machine of colabo's, made without colabo.
type handmade struct {
	xml, overlay, seed, key, address, backing, size string
}

var (
	diskFile = regexp.MustCompile(`<source file='([^']+\.(?:qcow2|iso|img))'`)
	nameXML  = regexp.MustCompile(`<name>[^<]+</name>`)
	uuidXML  = regexp.MustCompile(`<uuid>[^<]+</uuid>`)
	genidXML = regexp.MustCompile(`<genid>[^<]+</genid>`)
	sizeInfo = regexp.MustCompile(`virtual size: .*\((\d+) bytes\)`)
	backInfo = regexp.MustCompile(`backing file: (\S+)`)
)

const floorName = "colabo-bench-floor"

// newHandmade takes the domain's definition, and a copy of its seed under another name.
func newHandmade(b *testing.B, p *project) *handmade {
	b.Helper()
	ref, address := p.status(b)
	h := &handmade{address: address, key: filepath.Join(p.dir, ".colabo", "keys", "id_ed25519")}
	xml := output(b, "virsh", "-c", "qemu:///system", "dumpxml", "--inactive", ref)
	disks := diskFile.FindAllStringSubmatch(xml, -1)
	if len(disks) < 2 {
		b.Fatalf("the domain has no two disks:\n%s", xml)
	}
	overlay, seed := disks[0][1], disks[1][1]
	info := output(b, "qemu-img", "info", "--force-share", overlay)
	h.backing, h.size = backInfo.FindStringSubmatch(info)[1], sizeInfo.FindStringSubmatch(info)[1]
	folder := b.TempDir()
	// The hypervisor's own user has to get there.
	for dir := folder; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	h.overlay, h.seed = filepath.Join(folder, "floor.qcow2"), filepath.Join(folder, "seed.iso")
	data, err := os.ReadFile(seed)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(h.seed, data, 0o644); err != nil {
		b.Fatal(err)
	}
	xml = nameXML.ReplaceAllString(xml, "<name>"+floorName+"</name>")
	xml = genidXML.ReplaceAllString(uuidXML.ReplaceAllString(xml, ""), "")
	xml = strings.ReplaceAll(strings.ReplaceAll(xml, overlay, h.overlay), seed, h.seed)
	h.xml = filepath.Join(folder, "floor.xml")
	if err := os.WriteFile(h.xml, []byte(xml), 0o644); err != nil {
		b.Fatal(err)
	}
	return h
}

// firstSSH makes the twin, starts it, and returns the time until a command over ssh succeeded.
func (h *handmade) firstSSH(b *testing.B) time.Duration {
	b.Helper()
	begin := time.Now()
	output(b, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", h.backing, h.overlay, h.size)
	output(b, "virsh", "-c", "qemu:///system", "define", h.xml)
	output(b, "virsh", "-c", "qemu:///system", "start", floorName)
	for {
		ssh := exec.Command("ssh", "-F", "/dev/null", "-i", h.key, "-o", "StrictHostKeyChecking=no",
			"-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=1", "-o", "BatchMode=yes", "colabo@"+h.address, "true")
		if ssh.Run() == nil {
			return time.Since(begin)
		}
		if time.Since(begin) > 10*time.Minute {
			b.Fatal("the domain made by hand does not answer")
		}
		<-time.After(100 * time.Millisecond)
	}
}

func (h *handmade) remove(b *testing.B) {
	b.Helper()
	output(b, "virsh", "-c", "qemu:///system", "destroy", floorName)
	output(b, "virsh", "-c", "qemu:///system", "undefine", floorName)
}
