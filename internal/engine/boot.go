package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
)

// A guest answers before it has finished booting: cloud-init may still hold the package manager's lock, and systemd may
// be about to clean /tmp under the feet of what runs. The scripts wait in the guest itself, which costs one round trip.
// /run is empty after every boot.
const (
	// A stage of cloud-init that failed never writes the result; to ask systemd costs an emulated guest too much to do it often.
	cloudInitWait = `n=0
until [ -s /run/cloud-init/result.json ]; do
	n=$((n + 1))
	if [ $((n % 25)) = 0 ] && systemctl --quiet is-failed 'cloud-*.service' 2>/dev/null; then
		echo "cloud-init failed" >&2
		systemctl --no-pager --no-legend --plain --state=failed list-units 'cloud-*.service' >&2
		journalctl --no-pager --quiet --output=cat --lines=10 --unit='cloud-*.service' >&2
		exit 1
	fi
	sleep 0.2
done
cat /run/cloud-init/result.json`
	// A guest without systemd has nothing to wait for; one that is "degraded" has booted as far as it will. systemctl's
	// own --wait gives up where the bus is not there yet.
	systemdWait = `case "$(readlink /proc/1/exe)" in */systemd)
	until case "$(systemctl is-system-running 2>/dev/null)" in running|degraded|maintenance) ;; *) false ;; esac; do
		sleep 0.1
	done ;;
esac`
)

// waitForBoot waits until a guest has finished booting, unless that was seen since its last start. An error that cloud-init reports is a
// warning: the machine answers.
func (r *machineRun) waitForBoot(ctx context.Context, g guest.Guest) error {
	if r.record.Booted {
		return nil
	}
	script := systemdWait
	if r.want.features.CloudInit {
		script = cloudInitWait
	}
	err := r.engine.stage(ctx, r.want.name, "boot", func(ctx context.Context, s *stage) error {
		s.detail("waiting for the guest to finish booting")
		limited, stop := context.WithTimeoutCause(ctx, bootTimeout, fmt.Errorf("not within %s", bootTimeout))
		defer stop()
		var out, complaint strings.Builder
		err := g.Run(limited, guest.Command{Argv: []string{"sh", "-c", script}, User: "root", Stdout: &out, Stderr: &complaint})
		if err != nil && ctx.Err() == nil && limited.Err() != nil {
			err = context.Cause(limited)
		}
		if said := strings.TrimSpace(complaint.String()); err != nil && said != "" {
			return hint.New(errors.New(said), "look at /var/log/cloud-init.log in the guest: `colabo ssh "+r.want.name+"`")
		}
		if err != nil {
			return fmt.Errorf("wait for the guest to boot: %w", err)
		}
		if out.Len() == 0 {
			return nil
		}
		return r.tellCloudInit(out.String())
	})
	if err != nil {
		return err
	}
	r.record.Booted = true
	return r.engine.folder.SaveMachine(r.record)
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
