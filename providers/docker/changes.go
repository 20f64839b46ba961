package docker

import "github.com/colabo/colabo/providers"

// changes classes what a container can be given while it is there. What the engine fixes at its making takes a restart: another
// container is made around the file system of the old one, see rebuild.
func changes() map[string]providers.Change {
	return map[string]providers.Change{
		"box":  providers.Recreate,
		"user": providers.Recreate, // it is in the image

		"hostname":             providers.Restart,
		"ports":                providers.Restart,
		"env":                  providers.Restart,
		name + ".capabilities": providers.Restart,

		"cpus":    providers.Live,
		"memory":  providers.Live,
		"network": providers.Live,

		"disk": providers.Ignored, // as large as the engine's
	}
}
