package libvirt

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/colabo/colabo/providers"
)

// healthyClinic is a host on which all is well.
func healthyClinic() clinic {
	return clinic{
		host:     host{arch: "amd64", cpuinfo: []byte("flags\t: fpu vmx\n")},
		nested:   []byte("Y\n"),
		lookPath: func(program string) (string, error) { return "/usr/bin/" + program, nil },
		free:     func(string) (int64, error) { return 100 << 30, nil },
		pool:     "/var/lib/libvirt/images/colabo",
	}
}

func TestDoctorOnBrokenHosts(t *testing.T) {
	for name, test := range map[string]struct {
		breakIt func(*clinic)
		subject string
		health  providers.Health
		fix     string
	}{
		"no KVM":           {func(c *clinic) { c.host.kvm = &fs.PathError{Op: "stat", Path: "/dev/kvm", Err: fs.ErrNotExist} }, "kvm", providers.Warn, "modprobe"},
		"KVM without flag": {func(c *clinic) { c.host.cpuinfo = []byte("flags\t: fpu\n") }, "kvm", providers.Warn, ""},
		"KVM is root's":    {func(c *clinic) { c.host.private = true }, "kvm", providers.Warn, "chgrp kvm /dev/kvm"},
		"no qemu-img": {func(c *clinic) {
			c.lookPath = func(program string) (string, error) {
				if program == "qemu-img" {
					return "", errors.New("not found")
				}
				return program, nil
			}
		}, "qemu-img", providers.Bad, "apt-get install qemu-utils"},
		"full disk": {func(c *clinic) { c.free = func(string) (int64, error) { return 1 << 30, nil } }, "disk space", providers.Warn, "colabo gc"},
		"no pool yet": {func(c *clinic) {
			c.free = func(path string) (int64, error) {
				if path != "/" {
					return 0, &fs.PathError{Op: "statfs", Path: path, Err: fs.ErrNotExist}
				}
				return 100 << 30, nil
			}
		}, "disk space", providers.Good, ""},
		"all is well": {func(*clinic) {}, "kvm", providers.Good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := healthyClinic()
			test.breakIt(&c)
			for _, finding := range c.examine() {
				switch {
				case finding.Subject != test.subject:
					if finding.Health != providers.Good {
						t.Errorf("%s is %s too: %s", finding.Subject, finding.Health, finding.Text)
					}
				case finding.Health != test.health, !strings.Contains(finding.Fix, test.fix), finding.Text == "":
					t.Errorf("found %+v", finding)
				}
			}
		})
	}
}
