package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/colabo/colabo/providers"
)

// leastSpace is the free space below which a pool is soon full: a box and a machine or two, in bytes.
const leastSpace = 4 << 30

// clinic is what doctor looks at, so that a broken host can be made up.
type clinic struct {
	host     host
	nested   []byte // of the module's parameter; nil where there is none
	lookPath func(program string) (string, error)
	free     func(path string) (int64, error) // bytes
	pool     string
}

// doctor looks at what the provider needs of this host besides the daemon.
func doctor(context.Context, providers.Config) []providers.Finding {
	c := clinic{host: observeHost(), lookPath: lookEverywhere, free: freeSpace, pool: poolPath}
	for _, module := range []string{"kvm_intel", "kvm_amd"} {
		if value, err := os.ReadFile("/sys/module/" + module + "/parameters/nested"); err == nil {
			c.nested = value
		}
	}
	return c.examine()
}

func (c clinic) examine() []providers.Finding {
	return append([]providers.Finding{c.acceleration(), c.nesting()}, append(c.programs(), c.space())...)
}

// acceleration says how guests run here.
func (c clinic) acceleration() providers.Finding {
	found := c.host.accelerate()
	finding := providers.Finding{Subject: "kvm", Health: providers.Good, Text: found.reason}
	switch {
	case found.warning != "":
		finding.Health, finding.Text, finding.Fix = providers.Warn, "/dev/kvm is root's alone, which makes libvirt slow", "chgrp kvm /dev/kvm && chmod 660 /dev/kvm"
	case !found.kvm && errors.Is(c.host.kvm, fs.ErrNotExist):
		finding.Health, finding.Fix = providers.Warn, "modprobe kvm_intel || modprobe kvm_amd"
	case !found.kvm:
		finding.Health = providers.Warn // the processor's, or the host's own hypervisor's, business
	}
	return finding
}

// nesting says whether guests can have guests.
func (c clinic) nesting() providers.Finding {
	switch strings.TrimSpace(string(c.nested)) {
	case "":
		return providers.Finding{Subject: "nested", Health: providers.Good, Text: "guests of guests are emulated: no KVM module is loaded"}
	case "Y", "1":
		return providers.Finding{Subject: "nested", Health: providers.Good, Text: "guests can use KVM themselves"}
	}
	return providers.Finding{Subject: "nested", Health: providers.Good, Text: "off: guests of guests are emulated"}
}

// programs are those that the daemon runs.
func (c clinic) programs() []providers.Finding {
	var findings []providers.Finding
	for _, one := range []struct{ program, of, what string }{
		{"qemu-system-" + qemuArch(), qemuPackage(), "runs the machines"},
		{"qemu-img", "qemu-utils", "makes disks"},
		{"dnsmasq", "dnsmasq-base", "gives the machines addresses and names"},
	} {
		finding := providers.Finding{Subject: one.program, Health: providers.Good}
		path, err := c.lookPath(one.program)
		finding.Text = path
		if err != nil {
			finding.Health, finding.Text = providers.Bad, "not installed; it "+one.what
			finding.Fix = "apt-get install " + one.of
		}
		findings = append(findings, finding)
	}
	return findings
}

// space is the room for boxes and disks.
func (c clinic) space() providers.Finding {
	finding := providers.Finding{Subject: "disk space", Health: providers.Good}
	folder := c.pool
	free, err := c.free(folder)
	for errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder) // the pool is made with the first machine
		free, err = c.free(folder)
	}
	switch {
	case err != nil:
		finding.Health, finding.Text = providers.Warn, err.Error()
	case free < leastSpace:
		finding.Health, finding.Text = providers.Warn, fmt.Sprintf("%.1f GiB are free in %s", float64(free)/(1<<30), c.pool)
		finding.Fix = "colabo gc; colabo box list"
	default:
		finding.Text = fmt.Sprintf("%.1f GiB are free in %s", float64(free)/(1<<30), c.pool)
	}
	return finding
}

func qemuArch() string {
	if arch, ok := map[string]string{"amd64": "x86_64", "386": "i386", "arm64": "aarch64"}[runtime.GOARCH]; ok {
		return arch
	}
	return runtime.GOARCH
}

func qemuPackage() string {
	if runtime.GOARCH == "arm64" {
		return "qemu-system-arm"
	}
	return "qemu-system-x86"
}

// lookEverywhere finds a program as root would: the daemon is, and a user's PATH has no sbin.
func lookEverywhere(program string) (string, error) {
	for _, folder := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(folder, program)); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(program)
}

// freeSpace is what a user who is not root can still write in a folder, in bytes.
func freeSpace(folder string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: folder, Err: err}
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}
