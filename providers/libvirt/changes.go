package libvirt

import "github.com/colabo/colabo/providers"

// changes classes what a domain can be given while it is there. Everything that it is started with takes a restart.
func changes() map[string]providers.Change {
	return map[string]providers.Change{
		"box":  providers.Recreate,
		"user": providers.Recreate, // cloud-init makes it at the first boot only

		"cpus":                providers.Restart,
		"memory":              providers.Restart,
		"disk":                providers.Restart, // it grows
		"hostname":            providers.Restart, // cloud-init reads it at each boot
		"network":             providers.Restart, // a guest's card does not find its way back to a network that was gone
		name + ".accelerator": providers.Restart,
		name + ".machine":     providers.Restart,
		name + ".cpu_mode":    providers.Restart,

		"ports": providers.Live, // forwards of colabo's own

		"env": providers.Ignored, // it is given to steps and logins; the domain does not know it
	}
}
