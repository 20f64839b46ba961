package libvirt

import (
	"io/fs"
	"strings"
	"testing"
)

const (
	cpuinfoVMX  = "processor\t: 0\nmodel name\t: x\nflags\t\t: fpu vme vmx sse\n\nprocessor\t: 1\nflags\t\t: fpu\n"
	cpuinfoSVM  = "processor\t: 0\nflags\t\t: fpu svm sse\n"
	cpuinfoNone = "processor\t: 0\nflags\t\t: fpu vmxx sse\nbugs\t: svm\nvmx flags\t: vnmi\n"
)

func TestAccelerate(t *testing.T) {
	for name, test := range map[string]struct {
		host   host
		kvm    bool
		reason string
	}{
		"intel":         {host{arch: "amd64", cpuinfo: []byte(cpuinfoVMX), kvm: nil}, true, "KVM with vmx"},
		"amd":           {host{arch: "amd64", cpuinfo: []byte(cpuinfoSVM), kvm: nil}, true, "KVM with svm"},
		"device only":   {host{arch: "amd64", cpuinfo: []byte(cpuinfoNone), kvm: nil}, false, "neither vmx nor svm"},
		"no device":     {host{arch: "amd64", cpuinfo: []byte(cpuinfoVMX), kvm: fs.ErrNotExist}, false, "does not exist"},
		"no permission": {host{arch: "amd64", cpuinfo: []byte(cpuinfoVMX), kvm: fs.ErrPermission}, false, "permission denied"},
		"no cpuinfo":    {host{arch: "amd64", cpuinfo: nil, kvm: nil}, false, "neither vmx nor svm"},
		"arm":           {host{arch: "arm64", cpuinfo: []byte("Features : fp\n"), kvm: nil}, true, "KVM"},
		"arm, none":     {host{arch: "arm64", cpuinfo: nil, kvm: fs.ErrNotExist}, false, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.host.accelerate()
			if got.kvm != test.kvm || !strings.Contains(got.reason, test.reason) {
				t.Errorf("got %+v, want %v with %q", got, test.kvm, test.reason)
			}
		})
	}
}

func TestPrivateDeviceIsToldOf(t *testing.T) {
	for name, test := range map[string]struct {
		host host
		want string
	}{
		"root's alone": {host{arch: "amd64", private: true}, slowProbing},
		"the group's":  {host{arch: "amd64"}, ""},
		"no device":    {host{arch: "amd64", kvm: fs.ErrNotExist, private: true}, ""},
	} {
		if got := test.host.accelerate().warning; got != test.want {
			t.Errorf("%s: warning is %q, want %q", name, got, test.want)
		}
	}
}

func TestHardware(t *testing.T) {
	native, emulated := acceleration{kvm: true}, acceleration{reason: "emulated"}
	for name, test := range map[string]struct {
		here    acceleration
		options Options
		want    hardware // empty: an error
	}{
		"default with kvm":        {native, Options{}, hardware{"kvm", "q35", "host-passthrough"}},
		"default without":         {emulated, Options{}, hardware{"qemu", "q35", "maximum"}},
		"auto is the default":     {emulated, Options{Accelerator: "auto"}, hardware{"qemu", "q35", "maximum"}},
		"tcg though kvm":          {native, Options{Accelerator: "tcg"}, hardware{"qemu", "q35", "maximum"}},
		"kvm insisted on":         {emulated, Options{Accelerator: "kvm"}, hardware{"kvm", "q35", "host-passthrough"}},
		"pc and model":            {native, Options{Machine: "pc", CPUMode: "host-model"}, hardware{"kvm", "pc", "host-model"}},
		"host cpu without kvm":    {emulated, Options{CPUMode: "host-model"}, hardware{}},
		"invalid":                 {native, Options{Accelerator: "xen"}, hardware{}},
		"host cpu, tcg asked for": {native, Options{Accelerator: "tcg", CPUMode: "host-passthrough"}, hardware{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.here.hardware(&test.options)
			if got != test.want || (err == nil) != (test.want != hardware{}) {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
}

func TestOptionsValidate(t *testing.T) {
	for name, test := range map[string]struct {
		options Options
		keys    string
	}{
		"empty":       {Options{}, ""},
		"all right":   {Options{Accelerator: "kvm", Machine: "pc", CPUMode: "host-model"}, ""},
		"all wrong":   {Options{Accelerator: "KVM", Machine: "i440", CPUMode: "fast"}, "accelerator machine cpu_mode"},
		"not for tcg": {Options{Accelerator: "tcg", CPUMode: "host-passthrough"}, "cpu_mode"},
	} {
		t.Run(name, func(t *testing.T) {
			var keys []string
			for _, problem := range test.options.Validate() {
				keys = append(keys, problem.Key)
			}
			if got := strings.Join(keys, " "); got != test.keys {
				t.Errorf("problems with %q, want %q", got, test.keys)
			}
		})
	}
}

func TestSettingsValidate(t *testing.T) {
	for uri, ok := range map[string]bool{
		"": true, "auto": true, "qemu:///system": true, "qemu+unix:///system?socket=/run/x": true, "qemu:///session": false,
		"qemu+ssh://host/system": false, "xen:///system": false, "system": false,
	} {
		if problems := (&Settings{URI: uri}).Validate(); (len(problems) == 0) != ok {
			t.Errorf("uri %q: %v", uri, problems)
		}
	}
}
