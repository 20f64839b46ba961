package libvirt

import (
	"strings"
	"testing"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

func TestStateOf(t *testing.T) {
	noSpace := []binding.DomainDiskError{{Disk: "vda", Error: binding.DOMAIN_DISK_ERROR_NO_SPACE}}
	other := []binding.DomainDiskError{{Disk: "vdb", Error: binding.DOMAIN_DISK_ERROR_UNSPEC}}
	for name, test := range map[string]struct {
		state  binding.DomainState
		reason int
		disks  []binding.DomainDiskError
		want   providers.State
		detail string
	}{
		"off":               {binding.DOMAIN_SHUTOFF, 1, nil, providers.Stopped, ""},
		"killed":            {binding.DOMAIN_SHUTOFF, binding.DOMAIN_SHUTOFF_CRASHED, nil, providers.Stopped, "crashed"},
		"did not start":     {binding.DOMAIN_SHUTOFF, binding.DOMAIN_SHUTOFF_FAILED, nil, providers.Stopped, "start"},
		"on":                {binding.DOMAIN_RUNNING, 1, nil, providers.Running, ""},
		"blocked":           {binding.DOMAIN_BLOCKED, 0, nil, providers.Running, ""},
		"going down":        {binding.DOMAIN_SHUTDOWN, 1, nil, providers.Running, "shutting down"},
		"paused by user":    {binding.DOMAIN_PAUSED, binding.DOMAIN_PAUSED_USER, nil, providers.Paused, ""},
		"host disk full":    {binding.DOMAIN_PAUSED, binding.DOMAIN_PAUSED_IOERROR, noSpace, providers.Paused, "no space left on the host for its disk vda"},
		"disk error":        {binding.DOMAIN_PAUSED, binding.DOMAIN_PAUSED_IOERROR, other, providers.Paused, "I/O error on its disk vdb"},
		"unknown disk":      {binding.DOMAIN_PAUSED, binding.DOMAIN_PAUSED_IOERROR, nil, providers.Paused, "I/O error"},
		"guest panicked":    {binding.DOMAIN_PAUSED, binding.DOMAIN_PAUSED_CRASHED, nil, providers.Broken, "crashed"},
		"starting":          {binding.DOMAIN_PAUSED, binding.DOMAIN_PAUSED_STARTING_UP, nil, providers.Running, "starting"},
		"crashed":           {binding.DOMAIN_CRASHED, 0, nil, providers.Broken, "crashed"},
		"guest sleeps":      {binding.DOMAIN_PMSUSPENDED, 0, nil, providers.Paused, "sleeps"},
		"nothing to report": {binding.DOMAIN_NOSTATE, 0, nil, providers.Running, ""},
	} {
		t.Run(name, func(t *testing.T) {
			state, detail := stateOf(test.state, test.reason, test.disks)
			if state != test.want || !strings.Contains(detail, test.detail) || (test.detail == "") != (detail == "") {
				t.Errorf("got %s %q, want %s %q", state, detail, test.want, test.detail)
			}
		})
	}
}
