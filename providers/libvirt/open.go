package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

const (
	uriAuto   = "auto"
	uriSystem = "qemu:///system"
)

// open loads the C library and connects to the daemon.
func open(ctx context.Context, config providers.Config) (providers.Provider, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	settings, ok := config.Settings.(*Settings)
	if !ok && config.Settings != nil {
		return nil, fmt.Errorf("settings of %s are a %T", name, config.Settings)
	}
	if settings == nil {
		settings = &Settings{}
	}
	library, err := binding.Load(binding.SharedObject)
	if err != nil {
		return nil, unavailable(err, "install libvirt's client library: apt-get install libvirt0, dnf install libvirt-libs")
	}
	uri, conn, err := connect(library, settings.URI)
	if err != nil {
		return nil, err
	}
	return newProvider(library, uri, conn, config.Log), nil
}

// connect opens a connection to the daemon of the setting, and returns its URI.
func connect(library *binding.Library, setting string) (string, *binding.Connect, error) {
	uri := setting
	if uri == "" || uri == uriAuto {
		uri = uriSystem
	}
	conn, err := library.NewConnect(uri)
	if err != nil {
		return "", nil, unavailable(fmt.Errorf("connect to %s: %w", uri, err), connectHint(err, lookAtDaemon()))
	}
	return uri, conn, nil
}

// unavailable is what Open and Check return: the cause, that the provider can't be used, and what to do.
func unavailable(err error, what string) error {
	err = fmt.Errorf("%w: %w", providers.ErrUnavailable, err)
	if what == "" {
		return err
	}
	return hint.New(err, what)
}

// daemon is what is installed of libvirt's daemon, as far as a hint depends on it.
type daemon struct {
	installed bool
	modular   bool // virtqemud in place of libvirtd
	systemd   bool
}

// lookAtDaemon looks for the daemon's program and for systemd as pid 1.
func lookAtDaemon() daemon {
	exists := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	d := daemon{systemd: exists("/run/systemd/system")}
	switch {
	case exists("/usr/sbin/libvirtd"):
		d.installed = true
	case exists("/usr/sbin/virtqemud"):
		d.installed, d.modular = true, true
	}
	return d
}

// connectHint says how to mend a connection that was refused, or "".
func connectHint(err error, d daemon) string {
	switch {
	case errors.Is(err, fs.ErrPermission), refused(err):
		return "join the group that may use libvirt: `sudo usermod -aG libvirt $USER`, then log in again"
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED):
		return ""
	case !d.installed:
		return "install libvirt: apt-get install libvirt-daemon-system qemu-system-x86 qemu-utils, dnf install libvirt-daemon-kvm"
	case d.modular && d.systemd:
		return "start libvirt: `sudo systemctl enable --now virtqemud.socket virtnetworkd.socket virtstoraged.socket virtlogd.socket`"
	case d.modular:
		return "start libvirt, as root: `virtlogd -d; virtqemud -d; virtnetworkd -d; virtstoraged -d`"
	case d.systemd:
		return "start libvirt: `sudo systemctl enable --now libvirtd`"
	default:
		return "start libvirt, as root: `virtlogd -d; libvirtd -d`"
	}
}

// refused says whether the daemon, or polkit on its behalf, does not let this user in.
func refused(err error) bool {
	if binding.HasCode(err, binding.ERR_AUTH_FAILED, binding.ERR_AUTH_CANCELLED, binding.ERR_AUTH_UNAVAILABLE, binding.ERR_ACCESS_DENIED) {
		return true
	}
	// Without a system bus polkit can't be asked, and nobody but root and the group gets in.
	e, ok := errors.AsType[binding.Error](err)
	return ok && (e.Domain == binding.FROM_DBUS || e.Domain == binding.FROM_POLKIT)
}
