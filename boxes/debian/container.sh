#!/bin/sh
# Turns the system in $1 into a container's: no kernel, no boot, no services that belong to hardware.
set -eu
root=$1

kernel=$(chroot "$root" dpkg-query --show --showformat='${Package} ' 'linux-image-*' 'initramfs-tools*' linux-base klibc-utils)
# shellcheck disable=SC2086 # a list
chroot "$root" env DEBIAN_FRONTEND=noninteractive dpkg --purge --force-depends $kernel
rm -rf "$root"/boot/* "$root"/lib/modules/* "$root"/vmlinuz* "$root"/initrd.img* "$root/etc/fstab"
: >"$root/etc/fstab"

# The engine gives the network and the name servers; docker sets the machine up by exec.
systemctl --root="$root" mask --quiet \
	systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
	systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service \
	systemd-resolved.service systemd-timesyncd.service \
	systemd-modules-load.service systemd-sysctl.service systemd-remount-fs.service systemd-random-seed.service \
	systemd-logind.service \
	sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
	dev-hugepages.mount dev-mqueue.mount kmod-static-nodes.service \
	getty.target console-getty.service qemu-guest-agent.service ssh.service
: >"$root/etc/cloud/cloud-init.disabled"
rm -f "$root/etc/systemd/system/multi-user.target.wants/cloud-init.target"
rm -f "$root/etc/resolv.conf"
: >"$root/etc/resolv.conf"
