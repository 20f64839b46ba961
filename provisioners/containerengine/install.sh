# Installs the distribution's container engine and starts it. Argument: the login user.
set -eu
user=$1
# The engine confines containers by AppArmor where the kernel has it, and starts none without its parser.
command -v dockerd >/dev/null 2>&1 && command -v apparmor_parser >/dev/null 2>&1 ||
	apt_install docker.io ca-certificates apparmor
if ! id -nG -- "$user" | tr ' ' '\n' | grep -qx docker; then
	usermod -aG docker -- "$user"
fi
# Docker's own unit tells systemd when it is ready.
systemctl enable --now docker.service
