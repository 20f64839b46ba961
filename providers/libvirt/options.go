package libvirt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/colabo/colabo/providers"
)

// Settings is the [provider.libvirt] block.
type Settings struct {
	// URI is the daemon to talk to; "auto" and "" mean qemu:///system. Sessions of a user (qemu:///session) are not
	// possible: they have no network that the host reaches.
	URI string `toml:"uri" doc:"the daemon to talk to: auto, or an address of this host's system daemon, such as qemu:///system; default: auto"`
}

// Options is the [machine.X.libvirt] block. An empty field means its default.
type Options struct {
	// Accelerator is auto, kvm or tcg.
	Accelerator string `toml:"accelerator" enum:"auto,kvm,tcg" doc:"what runs the guest's processor: KVM, or QEMU's own emulation; default: auto, KVM where it works"`
	// Machine is the emulated board: q35 (default) or pc.
	Machine string `toml:"machine" enum:"q35,pc" doc:"the emulated board; default: q35"`
	// CPUMode is the guest's processor: host-passthrough (default with kvm), host-model or maximum (default with tcg).
	CPUMode string `toml:"cpu_mode" enum:"host-passthrough,host-model,maximum" doc:"the guest's processor; those of the host need KVM; default: host-passthrough with KVM, else maximum"`
}

// What the fields of Options may be.
const (
	acceleratorAuto = "auto"
	acceleratorKVM  = "kvm"
	acceleratorTCG  = "tcg"

	machineQ35 = "q35"
	machinePC  = "pc"

	cpuHostPassthrough = "host-passthrough"
	cpuHostModel       = "host-model"
	cpuMaximum         = "maximum"
)

// Validate says what is wrong with the block.
func (s *Settings) Validate() []providers.Problem {
	if s.URI == "" || s.URI == uriAuto || strings.HasPrefix(s.URI, uriSystem) || strings.HasPrefix(s.URI, "qemu+unix:///system") {
		return nil
	}
	return []providers.Problem{{
		Key:  "uri",
		Text: fmt.Sprintf("%q is not the system daemon of this host; use %q or %q", s.URI, uriAuto, uriSystem),
	}}
}

// Validate says what is wrong with the block.
func (o *Options) Validate() []providers.Problem {
	var problems []providers.Problem
	for _, field := range []struct {
		key, value string
		allowed    []string
	}{
		{"accelerator", o.Accelerator, []string{acceleratorAuto, acceleratorKVM, acceleratorTCG}},
		{"machine", o.Machine, []string{machineQ35, machinePC}},
		{"cpu_mode", o.CPUMode, []string{cpuHostPassthrough, cpuHostModel, cpuMaximum}},
	} {
		if field.value != "" && !slices.Contains(field.allowed, field.value) {
			problems = append(problems, providers.Problem{
				Key:  field.key,
				Text: fmt.Sprintf("%q is not one of %s", field.value, strings.Join(field.allowed, ", ")),
			})
		}
	}
	if o.Accelerator == acceleratorTCG && strings.HasPrefix(o.CPUMode, "host-") {
		problems = append(problems, providers.Problem{
			Key:  "cpu_mode",
			Text: fmt.Sprintf("%q needs kvm; with tcg use %q", o.CPUMode, cpuMaximum),
		})
	}
	return problems
}
