package libvirt

import "github.com/colabo/colabo/providers"

// What a machine has when its Spec doesn't say.
const (
	defaultMemory = 1 << 30
	defaultCPUs   = 2
)

// seedSerial is the seed disk's serial number; cloud-init goes by the file system's label, people by this.
const seedSerial = "cidata"

// rootDevice is the root disk in a domain's description.
const rootDevice = "vda"

// parts are what was made for a machine: the paths of its volumes on the daemon's host, and its network's name.
type parts struct {
	root, seed, console string
	network             string
}

// newDomain describes a machine's domain.
func newDomain(spec providers.Spec, hw hardware, made parts) domainXML {
	memory, cpus := spec.Memory, spec.CPUs
	if memory == 0 {
		memory = defaultMemory
	}
	if cpus == 0 {
		cpus = defaultCPUs
	}
	return domainXML{
		Type:     hw.domainType,
		Name:     domainName(spec),
		UUID:     machineUUID(spec.ID),
		GenID:    &struct{}{}, // a new one at each restore, so that guests reseed their random pool
		Metadata: domainMetadata{Machine: tagOf(spec)},
		Memory:   sizeXML{Unit: "KiB", Value: memory >> 10},
		VCPU:     vcpuXML{Value: cpus},
		OS: osXML{
			Type: osTypeXML{Machine: hw.machine, Value: "hvm"},
			Boot: bootXML{Dev: "hd"},
		},
		CPU: cpuXML{Mode: hw.cpuMode},
		Clock: clockXML{Offset: "utc", Timers: []timerXML{
			{Name: "rtc", TickPolicy: "catchup"},
			{Name: "pit", TickPolicy: "delay"},
			{Name: "hpet", Present: "no"},
		}},
		OnPoweroff: "destroy",
		OnReboot:   "restart",
		OnCrash:    "destroy",
		Devices:    newDevices(spec, made),
	}
}

// newDevices lists a machine's devices. Everything is virtio: Debian's cloud kernel knows nothing else.
func newDevices(spec providers.Spec, made parts) devicesXML {
	return devicesXML{
		Disks: []diskXML{
			{
				Type: "file", Device: "disk",
				// writeback keeps what the guest flushed, and is the fastest mode that does.
				Driver: diskDriverXML{Name: "qemu", Type: "qcow2", Cache: "writeback", ErrorPolicy: "enospace", Discard: "unmap"},
				Source: fileXML{File: made.root},
				Target: targetXML{Dev: rootDevice, Bus: "virtio"},
			},
			{
				Type: "file", Device: "disk",
				Driver:   diskDriverXML{Name: "qemu", Type: "raw"},
				Source:   fileXML{File: made.seed},
				Target:   targetXML{Dev: "vdb", Bus: "virtio"},
				ReadOnly: &struct{}{},
				Serial:   seedSerial,
			},
		},
		Interfaces: []interfaceXML{{
			Type:   "network",
			MAC:    macXML{Address: spec.MAC},
			Source: interfaceSourceXML{Network: made.network},
			Model:  interfaceModelXML{Type: "virtio"},
			ROM:    romXML{Enabled: "no"}, // nobody boots from the network; the firmware is not to load and run it
		}},
		Serials: []serialXML{{
			Type:   "file",
			Source: serialSourceXML{Path: made.console, Append: "off"},
			Target: serialTargetXML{Port: "0"},
		}},
		Channels: []channelXML{{
			Type:   "unix",
			Target: channelTargetXML{Type: "virtio", Name: "org.qemu.guest_agent.0"},
		}},
		Video:   &videoXML{Model: interfaceModelXML{Type: "none"}},
		RNG:     &rngXML{Model: "virtio", Backend: rngBackendXML{Model: "random", Value: "/dev/urandom"}},
		Balloon: &modelXML{Model: "virtio"},
		Panic:   &modelXML{Model: "isa"},
	}
}
