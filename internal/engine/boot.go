package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/colabo/colabo/internal/guest"
)

// A guest answers before it has finished booting: cloud-init may still hold the package manager's lock, and systemd may
// be about to clean /tmp under the feet of what runs. The scripts wait in the guest itself, which costs one round trip.
// /run is empty after every boot.
const (
	cloudInitWait = `until [ -s /run/cloud-init/result.json ]; do sleep 0.2; done; cat /run/cloud-init/result.json`
	// A guest without systemd has nothing to wait for; one whose system is "degraded" has booted as far as it will.
	systemdWait = `[ ! -d /run/systemd/system ] || systemctl is-system-running --wait >/dev/null || true`
)

// waitForBoot waits until a guest that was just started has finished booting. An error that cloud-init reports is a
// warning: the machine answers.
func (r *machineRun) waitForBoot(ctx context.Context, g guest.Guest) error {
	if !r.booted {
		return nil
	}
	script := systemdWait
	if r.want.features.CloudInit {
		script = cloudInitWait
	}
	return r.engine.stage(ctx, r.want.name, "boot", func(ctx context.Context, s *stage) error {
		s.detail("waiting for the guest to finish booting")
		var out strings.Builder
		if err := g.Run(ctx, guest.Command{Argv: []string{"sh", "-c", script}, Stdout: &out}); err != nil {
			return fmt.Errorf("wait for the guest to boot: %w", err)
		}
		if out.Len() == 0 {
			return nil
		}
		return r.tellCloudInit(out.String())
	})
}

// tellCloudInit warns of what cloud-init could not do; see its result.json.
func (r *machineRun) tellCloudInit(text string) error {
	var result struct {
		V1 struct{ Errors []string }
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		return fmt.Errorf("read cloud-init's result: %w", err)
	}
	for _, problem := range result.V1.Errors {
		r.warn("cloud-init: %s", problem)
	}
	return nil
}
