package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// benchColabofile is one machine without steps: what is left is colabo's own work and the guest's boot.
const benchColabofile = `name = "bench"
[machine.dev]
memory = "1GiB"
cpus = 2
`

// report writes both times, each that of one round, and their ratio; ratios hold on a noisy machine, seconds do not.
func report(b *testing.B, ours, floor time.Duration) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours.Seconds()/float64(b.N), "colabo-s")
	b.ReportMetric(floor.Seconds()/float64(b.N), "floor-s")
	b.ReportMetric(ours.Seconds()/floor.Seconds(), "ratio")
}

// benchProject is a project of that Colabofile on a provider.
func benchProject(b *testing.B, provider string) *project {
	b.Helper()
	p := &project{t: nil, dir: b.TempDir(), env: []string{"COLABO_PROVIDER=" + provider}}
	if err := os.WriteFile(filepath.Join(p.dir, "Colabofile"), []byte(benchColabofile), 0o644); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.timed(b, "destroy", "-f") })
	return p
}

// timed runs colabo and returns how long it took.
func (p *project) timed(b *testing.B, args ...string) time.Duration {
	b.Helper()
	return timedCommand(b, p.command(context.Background(), args...))
}

func timedCommand(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %v\n%s", cmd.Args, err, out.String())
	}
	return time.Since(begin)
}

// output runs a tool and returns what it prints.
func output(b *testing.B, argv ...string) string {
	b.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (p *project) status(b *testing.B) (ref, address string) {
	b.Helper()
	out, err := p.command(context.Background(), "status", "--json").Output()
	if err != nil {
		b.Fatal(err)
	}
	var status struct{ Ref, Address string }
	if err := json.Unmarshal(out, &status); err != nil {
		b.Fatal(err)
	}
	return status.Ref, status.Address
}

// BenchmarkUpDocker compares `colabo up` and one command with `docker run` of the same image and one `docker exec`.
func BenchmarkUpDocker(b *testing.B) {
	p := benchProject(b, "docker")
	p.timed(b, "up") // the box is in the engine after that
	ref, _ := p.status(b)
	image := output(b, "docker", "inspect", "--format", "{{.Config.Image}}", ref)
	p.timed(b, "destroy", "-f")
	var ours, floor time.Duration
	for b.Loop() {
		ours += p.timed(b, "up")
		p.timed(b, "destroy", "-f")
		begin := time.Now()
		output(b, "docker", "run", "--detach", "--name", "colabo-bench-floor", "--tmpfs", "/run", "--tmpfs", "/run/lock",
			"--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns", "host", image, "/sbin/init")
		output(b, "docker", "exec", "colabo-bench-floor", "true")
		floor += time.Since(begin)
		output(b, "docker", "rm", "--force", "--volumes", "colabo-bench-floor")
	}
	report(b, ours, floor)
}

// BenchmarkSecondUp is an `up` that has nothing to do, beside asking the provider's own tool how the machine is.
func BenchmarkSecondUp(b *testing.B) {
	tools := map[string][]string{
		"docker":  {"docker", "inspect"},
		"libvirt": {"virsh", "--connect", "qemu:///system", "dominfo"},
	}
	for provider, tool := range tools {
		b.Run(provider, func(b *testing.B) {
			p := benchProject(b, provider)
			p.timed(b, "up")
			ref, _ := p.status(b)
			var ours, floor time.Duration
			for b.Loop() {
				ours += p.timed(b, "up")
				floor += timedCommand(b, exec.Command(tool[0], append(tool[1:], ref)...))
			}
			report(b, ours, floor)
		})
	}
}
