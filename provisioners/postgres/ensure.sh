# Brings the server up, then gives psql the SQL that comes on the standard input. psql's answers are all that is written
# to the standard output; what the tools say goes to the standard error.
# Arguments: the port, the server's major version or "".
set -eu
umask 022
cd /
exec 3>&1 1>&2
port=$1 ver=$2

if [ -z "$ver" ]; then
	for server in /usr/lib/postgresql/*/bin/postgres; do
		[ ! -x "$server" ] || ver=$(printf '%s\n' "$ver" "$(basename "${server%/bin/postgres}")" | sort -n | tail -n 1)
	done
fi
if [ -z "$ver" ] || [ ! -x "/usr/lib/postgresql/$ver/bin/postgres" ] || ! command -v pg_ctlcluster >/dev/null; then
	# The cluster that the package makes listens as it should from its first start, which saves a restart.
	mkdir -p /etc/postgresql-common/createcluster.d
	echo "listen_addresses = '*'" >/etc/postgresql-common/createcluster.d/colabo.conf
	apt_install "postgresql${ver:+-$ver}"
	if [ -z "$ver" ]; then
		ver=$(pg_lsclusters -h | sort -n | tail -n 1 | cut -d ' ' -f 1)
	fi
fi

etc=/etc/postgresql/$ver/main
conf=$etc/postgresql.conf
pid=/run/postgresql/$ver-main.pid
[ -e "$conf" ] || LC_ALL=C.UTF-8 pg_createcluster "$ver" main

# setting NAME VALUE PATTERN: writes a setting unless a line of the configuration has the pattern already.
setting() {
	grep -Eq "^[[:space:]]*$1[[:space:]]*=[[:space:]]*$3([[:space:]#]|\$)" "$conf" || pg_conftool "$ver" main set "$1" "$2"
}
setting listen_addresses '*' "'\\*'"
setting port "$port" "$port"
# A published port of a container, and other machines of the project, come from an address of the machine's own networks.
rule='host all all samenet scram-sha-256'
grep -qxF "$rule" "$etc/pg_hba.conf" || printf '%s\n' '# colabo:' "$rule" >>"$etc/pg_hba.conf"

ctl() {
	if [ -d /run/systemd/system ]; then
		systemctl "$1" "postgresql@$ver-main.service"
	else
		pg_ctlcluster "$ver" main "$1"
	fi
}
if ! { [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; }; then
	ctl start
elif [ "$conf" -nt "$pid" ]; then
	ctl restart
fi
tries=0
until pg_isready -q -p "$port"; do
	tries=$((tries + 1))
	if [ "$tries" -gt 600 ]; then
		echo "PostgreSQL $ver does not answer at port $port; its log ends with:"
		tail -n 8 "/var/log/postgresql/postgresql-$ver-main.log"
		exit 1
	fi
	sleep 0.1
done
export PGCLIENTENCODING=UTF8 PGOPTIONS='-c lc_messages=C'
runuser -u postgres -- psql -X -q -A -t -v ON_ERROR_STOP=1 -p "$port" -d postgres -f - >&3
