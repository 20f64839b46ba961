# Puts what the standard input holds as a tar archive, the entry "content", in its place. The empty entry "end" comes last.
# It is unpacked beside its place first, so that a connection that breaks changes nothing there.
# Arguments: destination, owner ("", user, which brings its own group, or user:group), "file" or "folder".
set -eu
umask 022
dest=$1 owner=$2 kind=$3
case $dest in "~/"*) dest=$HOME/${dest#"~/"} ;; esac
parent=$(dirname -- "$dest")
mkdir -p -- "$parent"
stage=$(mktemp -d -- "$parent/.colabo-XXXXXXXX")
trap 'rm -rf -- "$stage"' EXIT
trap 'exit 143' HUP INT TERM
tar -xpof - -C "$stage"
if [ ! -e "$stage/end" ]; then
	echo "the transfer was cut off; nothing was changed" >&2
	exit 1
fi
case $owner in
"") ;;
*:*) chown -Rh -- "$owner" "$stage/content" ;;
*) chown -Rh -- "$owner$(group=$(id -gn -- "$owner" 2>/dev/null) && printf ':%s' "$group")" "$stage/content" ;;
esac
if [ "$kind" = file ]; then
	if [ -d "$dest" ]; then
		echo "$dest is a folder in the machine; end the destination with / to put the file into it" >&2
		exit 1
	fi
	mv -f -- "$stage/content" "$dest"
	exit
fi
if [ ! -e "$dest" ]; then
	mv -- "$stage/content" "$dest"
	exit
fi
# Folders that are there already keep their own owner and mode: a destination may well be /etc.
{ tar -cf - -C "$stage/content" . || : >"$stage/failed"; } | tar -xpf - --no-overwrite-dir -C "$dest"
[ ! -e "$stage/failed" ]
