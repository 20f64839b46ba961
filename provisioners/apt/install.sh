# apt_install PACKAGE...: installs packages of the distribution, without a question and without what is only recommended.
# The lists are fetched only where there are none or they are out of date; what an install that was cut off left half
# configured is put right. Everything it says goes to the standard output and error of the script.
apt_install() {
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "this guest has no apt-get: build a box that has $* in it" >&2
		return 1
	fi
	(
		export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
		set -- -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 install "$@"
		for list in /var/lib/apt/lists/*_Packages*; do
			if [ -e "$list" ] && apt-get "$@"; then
				exit 0
			fi
			break
		done
		dpkg --configure -a &&
			apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::Languages=none update &&
			apt-get "$@"
	) </dev/null
}
