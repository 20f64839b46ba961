#!/bin/sh
# Makes the raw disk $2 from the system in $1; $3 is a mount point. Runs in a mount namespace of its own,
# so the mount and its loop device end with this process however it ends.
set -eu
root=$1 disk=$2 mnt=$3
start=1048576 # bytes; where the only partition begins

truncate --size=10G "$disk"
echo "start=$((start / 512)), type=83, bootable" | sfdisk --quiet "$disk"
# The features extlinux can read, named one by one so that the host's mke2fs.conf doesn't matter.
mkfs.ext4 -q -L colabo-root -d "$root" \
	-O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize \
	-E offset=$start,lazy_itable_init=0,lazy_journal_init=0,nodiscard -m 0 \
	"$disk" $((10 * 1024 * 1024 - start / 1024))k
mount -o loop,offset=$start "$disk" "$mnt"
extlinux --install "$mnt/boot/extlinux"
umount "$mnt"
dd if=/usr/lib/EXTLINUX/mbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none
