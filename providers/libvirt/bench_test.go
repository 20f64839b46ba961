package libvirt

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/colabo/colabo/providers"
)

// BenchmarkOpenInspectClose is what `colabo status` pays for a machine.
func BenchmarkOpenInspectClose(b *testing.B) {
	p := openLibvirt(b)
	spec := benchmarkSpec(b, p)
	if err := p.Create(b.Context(), spec, func(string) {}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		opened, err := open(b.Context(), providers.Config{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := opened.Inspect(b.Context(), spec.ID); err != nil {
			b.Fatal(err)
		}
		if err := opened.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreate makes machines, the box being in the pool and the network there.
func BenchmarkCreate(b *testing.B) {
	p := openLibvirt(b)
	first := benchmarkSpec(b, p)
	if err := p.Create(b.Context(), first, func(string) {}); err != nil {
		b.Fatal(err)
	}
	machines := 0
	for b.Loop() {
		machines++
		spec := testSpec(first.Image, first.Project, fmt.Sprintf("m%d", machines))
		if err := p.Create(b.Context(), spec, func(string) {}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := p.Destroy(b.Context(), spec.ID); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkCreateFirst makes a project's first machine, network included.
func BenchmarkCreateFirst(b *testing.B) {
	p := openLibvirt(b)
	spec := benchmarkSpec(b, p)
	for b.Loop() {
		if err := p.Create(b.Context(), spec, func(string) {}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := p.Destroy(b.Context(), spec.ID); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkFloor does by virsh what BenchmarkCreateFirst does: volumes, network, domain.
func BenchmarkFloor(b *testing.B) {
	p := openLibvirt(b)
	spec := benchmarkSpec(b, p)
	if err := p.Create(b.Context(), spec, func(string) {}); err != nil {
		b.Fatal(err)
	}
	virsh := func(args ...string) string {
		output, err := exec.CommandContext(b.Context(), findTool(b, "virsh", "libvirt-clients"), args...).CombinedOutput()
		if err != nil {
			b.Fatalf("virsh %v: %v\n%s", args, err, output)
		}
		return string(output)
	}
	dir := b.TempDir()
	domain, network := filepath.Join(dir, "domain.xml"), filepath.Join(dir, "network.xml")
	writeFile(b, domain, virsh("dumpxml", "--inactive", domainName(spec)))
	writeFile(b, network, virsh("net-dumpxml", "--inactive", networkName(spec.ProjectName, spec.Project)))
	root := map[string]string{"seed": volumeName(spec, seedVolume), "root": volumeName(spec, rootVolume)}
	box := boxPath(b, p, spec)
	if err := p.Destroy(b.Context(), spec.ID); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		virsh("vol-create-as", poolName, root["seed"], "400k", "--format", "raw")
		virsh("vol-create-as", poolName, root["root"], "1G", "--format", "qcow2", "--backing-vol", box, "--backing-vol-format", "qcow2")
		virsh("net-define", network)
		virsh("net-start", networkName(spec.ProjectName, spec.Project))
		virsh("define", domain)
		b.StopTimer()
		if err := p.Destroy(b.Context(), spec.ID); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// benchmarkSpec is a machine of a project that is purged when the benchmark ends.
func benchmarkSpec(b *testing.B, p *provider) providers.Spec {
	b.Helper()
	image := emptyImage(b)
	removeImage(b, p, image)
	project := "lvbench" + nonceHex()
	purge(b, p, project)
	return testSpec(image, project, "web")
}

// boxPath is where the box of a machine that was made is.
func boxPath(b *testing.B, p *provider, spec providers.Spec) string {
	b.Helper()
	conn, pool, src := inPool(b, p, spec.Image)
	path, err := p.ensureBox(b.Context(), conn, pool, src, func(string) {})
	if err != nil {
		b.Fatal(err)
	}
	return path
}
