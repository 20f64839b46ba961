package libvirt

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/colabo/colabo/providers"
)

// acceleration is how guests are run on this host, and why.
type acceleration struct {
	kvm    bool
	reason string
	// warning is what makes libvirt slow here and how to mend it, or "".
	warning string
}

// host is what the choice of the accelerator depends on.
type host struct {
	arch    string
	cpuinfo []byte // of /proc/cpuinfo
	kvm     error  // nil when there is a /dev/kvm
	private bool   // only root may use it
}

// observeHost looks at the host that the program runs on. /dev/kvm is only looked for: it is the daemon, with more
// rights than the user has, that opens it.
func observeHost() host {
	cpuinfo, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		cpuinfo = nil
	}
	h := host{arch: runtime.GOARCH, cpuinfo: cpuinfo}
	device, err := os.Stat("/dev/kvm")
	if err != nil {
		h.kvm = err
		return h
	}
	h.private = device.Mode().Perm()&0o066 == 0
	return h
}

// slowProbing is said where udev did not give /dev/kvm to its group. QEMU, when libvirt asks what it can do, says KVM; then
// libvirt finds that the user whom guests run as can't open the device, takes the answer for outdated, and asks anew:
// each time a domain is defined or started, for 4 to 30 seconds.
const slowProbing = "/dev/kvm is root's alone, which makes libvirt slow; run `chgrp kvm /dev/kvm && chmod 660 /dev/kvm` as root"

// accelerate chooses KVM only where it will really run a guest: a /dev/kvm without vmx or svm (a nested one that
// lost its flags) makes domains that hang silently after the firmware.
func (h host) accelerate() acceleration {
	if h.kvm != nil {
		return acceleration{reason: fmt.Sprintf("emulated, without KVM: %v", h.kvm)}
	}
	a := h.choose()
	if h.private {
		a.warning = slowProbing
	}
	return a
}

// choose is accelerate where there is a /dev/kvm.
func (h host) choose() acceleration {
	switch h.arch {
	case "amd64", "386":
		flag := cpuFlag(h.cpuinfo, "vmx", "svm")
		if flag == "" {
			return acceleration{reason: "emulated, without KVM: /proc/cpuinfo shows neither vmx nor svm"}
		}
		return acceleration{kvm: true, reason: "KVM with " + flag}
	default: // arm64 and others have no such flag: the device is there only where it works
		return acceleration{kvm: true, reason: "KVM"}
	}
}

// cpuFlag is the first of the wanted flags that the first processor has, or "".
func cpuFlag(cpuinfo []byte, wanted ...string) string {
	for line := range bytes.Lines(cpuinfo) {
		key, flags, found := strings.Cut(string(line), ":")
		if !found || strings.TrimSpace(key) != "flags" {
			continue
		}
		for flag := range strings.FieldsSeq(flags) {
			for _, want := range wanted {
				if flag == want {
					return flag
				}
			}
		}
		return ""
	}
	return ""
}

// hardware is what a machine's Options come to on this host.
type hardware struct {
	domainType string // "kvm" or "qemu"
	machine    string
	cpuMode    string
}

// hardware resolves the options; an error is one that the user can mend in the Colabofile.
func (a acceleration) hardware(options *Options) (hardware, error) {
	if problems := options.Validate(); len(problems) > 0 {
		return hardware{}, fmt.Errorf("%s: %s", problems[0].Key, problems[0].Text)
	}
	kvm := a.kvm
	switch options.Accelerator {
	case acceleratorKVM:
		kvm = true
	case acceleratorTCG:
		kvm = false
	}
	h := hardware{domainType: "qemu", machine: machineQ35, cpuMode: cpuMaximum}
	if kvm {
		h.domainType, h.cpuMode = "kvm", cpuHostPassthrough
	}
	if options.Machine != "" {
		h.machine = options.Machine
	}
	if options.CPUMode != "" {
		if !kvm && strings.HasPrefix(options.CPUMode, "host-") {
			return hardware{}, fmt.Errorf("cpu_mode: %q needs KVM, and guests here are %s", options.CPUMode, a.reason)
		}
		h.cpuMode = options.CPUMode
	}
	return h, nil
}

// optionsOf is the machine's block; nil stands for an empty one.
func optionsOf(spec providers.Spec) (*Options, error) {
	if spec.Options == nil {
		return &Options{}, nil
	}
	options, ok := spec.Options.(*Options)
	if !ok {
		return nil, fmt.Errorf("options of %s are a %T", spec.Machine, spec.Options)
	}
	return options, nil
}
