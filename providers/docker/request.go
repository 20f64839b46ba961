package docker

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/colabo/colabo/providers"
)

// request is the container that a machine is. It depends on nothing but its arguments.
func request(spec providers.Spec, image prepared, on machinesNetwork, hardware hardware) (client.ContainerCreateOptions, error) {
	exposed, bindings, err := publish(spec.Ports)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	options, _ := spec.Options.(*Options)
	if options == nil {
		options = &Options{}
	}
	hostname := hostLabel(spec.Hostname)
	config := &container.Config{
		Image:        image.id,
		Hostname:     hostname,
		User:         "0:0", // init is root's, whatever the image's services are
		Env:          environment(spec.Env),
		Labels:       machineLabels(spec),
		ExposedPorts: exposed,
	}
	host := &container.HostConfig{
		NetworkMode:  container.NetworkMode(on.name),
		PortBindings: bindings,
		CapAdd:       options.Capabilities,
		ShmSize:      sharedMemory(spec, hardware),
		Resources: container.Resources{
			NanoCPUs: nanoCPUs(spec, hardware),
			Memory:   spec.Memory,
		},
	}
	if image.init == initSystemd {
		bootSystemd(config, host)
	} else {
		stayUp(config, host)
	}
	if config.Labels[labelFixed], err = fixedDigest(spec); err != nil {
		return client.ContainerCreateOptions{}, err
	}
	return client.ContainerCreateOptions{
		Name: containerName(spec), Config: config, HostConfig: host,
		NetworkingConfig: &network.NetworkingConfig{
			EndpointsConfig: map[string]*network.EndpointSettings{on.name: networkEndpoint(spec)},
		},
	}, nil
}

// networkEndpoint is a machine on its project's network: found by its name and its host name.
func networkEndpoint(spec providers.Spec) *network.EndpointSettings {
	hostname, aliases := hostLabel(spec.Hostname), []string{hostLabel(spec.Machine)}
	if hostname != aliases[0] {
		aliases = append(aliases, hostname)
	}
	return &network.EndpointSettings{Aliases: aliases}
}

// nanoCPUs is the processor time of a machine: no more than there is, which the engine would refuse.
func nanoCPUs(spec providers.Spec, hardware hardware) int64 {
	return int64(min(spec.CPUs, hardware.cpus)) * 1e9
}

// initPath is what a machine with systemd boots.
const initPath = "/sbin/init"

// bootSystemd gives a container what systemd needs of it, which is less than --privileged: a writable /run and writable
// cgroups. For those it gets the host's tree in the host's cgroup namespace, on cgroup v1 and v2 alike: systemd keeps to its
// own branch then, and the container's limits hold. In a namespace of its own v2 is read-only to it ("Failed to allocate
// manager object"), or, with the host's tree mounted, it would take the host's root for its own branch.
func bootSystemd(config *container.Config, host *container.HostConfig) {
	config.Entrypoint = []string{initPath}
	config.StopSignal = "SIGRTMIN+3"
	config.Tty = true // /dev/console, where it tells how it boots
	config.Env = append(config.Env, "container=docker")
	host.Tmpfs = map[string]string{
		"/run":      "rw,exec,nosuid,nodev,mode=755",
		"/run/lock": "rw,noexec,nosuid,nodev,mode=1777",
		"/tmp":      "rw,exec,nosuid,nodev,mode=1777",
	}
	host.CgroupnsMode = container.CgroupnsModeHost
	host.Binds = []string{"/sys/fs/cgroup:/sys/fs/cgroup:rw"}
}

// stayUp keeps a container up whose image has no systemd. The image's own command is not run: a machine is something
// to work in, and what is to run in it a provision step says.
func stayUp(config *container.Config, host *container.HostConfig) {
	config.Entrypoint = []string{stayPath}
	config.StopSignal = "SIGTERM"
	yes := true
	host.Init = &yes
}

// environment is Env in the engine's form.
func environment(env map[string]string) []string {
	list := make([]string, 0, len(env)+1)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// sharedMemory is the size of /dev/shm: half of the memory, as in a VM. The engine's 64 MiB are too few for databases.
func sharedMemory(spec providers.Spec, hardware hardware) int64 {
	if spec.Memory > 0 {
		return spec.Memory / 2
	}
	return hardware.memory / 2
}

// publish turns ports into the engine's form.
func publish(ports []providers.Port) (network.PortSet, network.PortMap, error) {
	exposed, bindings := network.PortSet{}, network.PortMap{}
	for _, port := range ports {
		protocol := network.TCP
		if port.Protocol != "" {
			protocol = network.IPProtocol(port.Protocol)
		}
		if port.Guest < 1 || port.Guest > 65535 || port.Host < 0 || port.Host > 65535 {
			return nil, nil, fmt.Errorf("publish port %d:%d: not between 1 and 65535", port.Host, port.Guest)
		}
		guest, ok := network.PortFrom(uint16(port.Guest), protocol)
		if !ok || protocol != network.TCP && protocol != network.UDP {
			return nil, nil, fmt.Errorf("publish port %d: unknown protocol %q", port.Guest, port.Protocol)
		}
		text := port.Address
		if text == "" {
			text = providers.DefaultAddress
		}
		address, err := netip.ParseAddr(text)
		if err != nil {
			return nil, nil, fmt.Errorf("publish port %d: %w", port.Guest, err)
		}
		exposed[guest] = struct{}{}
		bindings[guest] = append(bindings[guest], network.PortBinding{HostIP: address, HostPort: strconv.Itoa(port.Host)})
	}
	return exposed, bindings, nil
}
