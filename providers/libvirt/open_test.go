package libvirt

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

func TestConnectHint(t *testing.T) {
	refused := binding.Error{Code: binding.ERR_SYSTEM_ERROR, Errno: syscall.ECONNREFUSED}
	for name, test := range map[string]struct {
		err    error
		daemon daemon
		want   string // "": no hint
	}{
		"no socket":       {binding.Error{Code: binding.ERR_SYSTEM_ERROR, Errno: syscall.ENOENT}, daemon{installed: true, systemd: true}, "systemctl enable --now libvirtd"},
		"nobody listens":  {refused, daemon{installed: true}, "libvirtd -d"},
		"modular":         {refused, daemon{installed: true, modular: true, systemd: true}, "virtqemud.socket"},
		"modular, no pid": {refused, daemon{installed: true, modular: true}, "virtqemud -d"},
		"not installed":   {refused, daemon{systemd: true}, "libvirt-daemon-system"},
		"no permission":   {binding.Error{Code: binding.ERR_SYSTEM_ERROR, Errno: syscall.EACCES}, daemon{installed: true}, "usermod -aG libvirt"},
		"polkit":          {binding.Error{Code: binding.ERR_AUTH_UNAVAILABLE}, daemon{installed: true}, "usermod -aG libvirt"},
		"no system bus":   {binding.Error{Code: binding.ERR_INTERNAL_ERROR, Domain: binding.FROM_DBUS}, daemon{installed: true}, "usermod -aG libvirt"},
		"something else":  {binding.Error{Code: binding.ERR_INTERNAL_ERROR}, daemon{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := connectHint(fmt.Errorf("connect: %w", test.err), test.daemon)
			if !strings.Contains(got, test.want) || (test.want == "") != (got == "") {
				t.Errorf("hint is %q, want %q in it", got, test.want)
			}
		})
	}
}

func TestMissingLibraryIsUnavailable(t *testing.T) {
	_, err := binding.Load(filepath.Join(t.TempDir(), "libvirt.so.0"))
	if err == nil {
		t.Fatal("a library that is not there was loaded")
	}
	err = unavailable(err, "install it")
	if !errors.Is(err, providers.ErrUnavailable) || hint.Of(err) != "install it" {
		t.Errorf("got %v, hint %q", err, hint.Of(err))
	}
}

func TestDaemonNotRunning(t *testing.T) {
	library, err := binding.Load(binding.SharedObject)
	if err != nil {
		missing(t, err.Error())
	}
	socket := filepath.Join(t.TempDir(), "libvirt-sock")
	_, _, err = connect(library, "qemu+unix:///system?socket="+socket)
	if !errors.Is(err, providers.ErrUnavailable) || hint.Of(err) == "" {
		t.Errorf("got %v, hint %q; want ErrUnavailable with a hint", err, hint.Of(err))
	}
}
