#!/bin/sh
# Runs on the host as mmdebstrap's last hook: $1 is the new system.
# Takes out what a first boot need not do, then seals: nothing in a box may identify a machine.
set -eu
root=$1

# Timers and services that would run beside a developer's first minutes and give nothing.
# LVM, dm-event, fs scrubbing, daily apt, trim and database backups are for machines that live for years.
systemctl --root="$root" mask --quiet \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
	e2scrub_all.timer e2scrub_reap.service fstrim.timer \
	systemd-pstore.service systemd-firstboot.service \
	proc-sys-fs-binfmt_misc.automount systemd-binfmt.service \
	systemd-update-utmp-runlevel.service \
	systemd-sysusers.service systemd-repart.service systemd-update-utmp.service \
	sys-kernel-config.mount sys-kernel-debug.mount \
	cloud-init-hotplugd.socket
systemctl --root="$root" enable --quiet systemd-networkd.service qemu-guest-agent.service

# Generators run before anything else at each boot. cloud-init's asks whether there is a cloud, to tell whether it is wanted: it is.
# The units carry its other conditions. The rest find disks that a box doesn't have.
mkdir -p "$root/etc/systemd/system-generators" "$root/etc/systemd/system/multi-user.target.wants"
for generator in cloud-init-generator systemd-cryptsetup-generator systemd-integritysetup-generator \
	systemd-veritysetup-generator systemd-gpt-auto-generator systemd-hibernate-resume-generator systemd-system-update-generator; do
	ln -sf /dev/null "$root/etc/systemd/system-generators/$generator"
done
ln -sf /lib/systemd/system/cloud-init.target "$root/etc/systemd/system/multi-user.target.wants/cloud-init.target"

# Key only: root has no password, and gets none.
chroot "$root" passwd --quiet --lock root
echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"

# Seal.
: >"$root/etc/machine-id"
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/var/lib/systemd/random-seed" "$root/var/lib/dbus/machine-id"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
rm -f "$root/etc/motd" "$root"/etc/update-motd.d/*
find "$root/var/log" -type f -delete
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/debconf/*-old \
	"$root"/var/lib/dpkg/*-old "$root"/tmp/* "$root"/var/tmp/*
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
