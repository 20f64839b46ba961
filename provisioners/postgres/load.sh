# Loads what comes on the standard input into a database of its own, and puts that in the place of the real one only when
# all of it arrived and was loaded. psql's words go to the standard error; the result, one line, to the standard output.
# Arguments: the port, the names of the new, the old and the real database, their owner, `SET ROLE owner`, the marker
# that the input's last statement writes.
set -eu
cd /
exec 3>&1 1>&2
port=$1 new=$2 old=$3 name=$4 owner=$5 role=$6 marker=$7
export PGCLIENTENCODING=UTF8 PGOPTIONS='-c lc_messages=C -c client_min_messages=warning'

# A load that was interrupted may still be tidying up.
exec 9>"/run/lock/$new"
flock -w 120 9 || { echo "another load of this database is going on in the machine"; exit 1; }

pg() { runuser -u postgres -- psql -X -q -v ON_ERROR_STOP=1 -p "$port" "$@"; }
admin() {
	pg -A -t -d postgres -v new="$new" -v old="$old" -v name="$name" -v owner="$owner" -v marker="$marker" -f -
}
undo() {
	trap - EXIT
	admin <<-'SQL' || :
		DROP DATABASE IF EXISTS :"new" WITH (FORCE);
		SELECT format('ALTER DATABASE %I WITH ALLOW_CONNECTIONS true', datname)
		FROM pg_database WHERE datname = :'name' AND NOT datallowconn \gexec
	SQL
}
trap undo EXIT
trap 'exit 143' HUP INT TERM

admin <<'SQL'
DROP DATABASE IF EXISTS :"new" WITH (FORCE);
CREATE DATABASE :"new" OWNER :"owner" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8';
SQL

status=0
pg -d "$new" --single-transaction -o /dev/null -c "$role" -f - || status=$?
[ "$status" = 0 ] || exit "$status"

admin >&3 <<'SQL'
SELECT coalesce((SELECT shobj_description(oid, 'pg_database') = :'marker' FROM pg_database WHERE datname = :'new'), false) AS whole,
       EXISTS (SELECT FROM pg_database WHERE datname = :'name') AS replaces \gset
\if :whole
\if :replaces
ALTER DATABASE :"name" WITH ALLOW_CONNECTIONS false;
SELECT count(pg_terminate_backend(pid, 10000)) AS ended
FROM pg_stat_activity WHERE datname = :'name' AND backend_type = 'client backend' \gset
BEGIN;
ALTER DATABASE :"name" RENAME TO :"old";
ALTER DATABASE :"new" RENAME TO :"name";
COMMIT;
DROP DATABASE :"old" WITH (FORCE);
\echo replaced :ended
\else
ALTER DATABASE :"new" RENAME TO :"name";
\echo made
\endif
\else
DROP DATABASE :"new" WITH (FORCE);
\echo incomplete
\endif
SQL
trap - EXIT
