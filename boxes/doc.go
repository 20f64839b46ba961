// Package boxes keeps base images: the local store, and the recipes that fill it.
//
// A box is one folder of the store, written whole and never changed after:
//
//	debian-12@20261122/box.json         what it is, and the digests of the rest
//	debian-12@20261122/disk.qcow2       for providers that run VMs
//	debian-12@20261122/rootfs.tar.zst   for providers that run containers
//
// A recipe makes those files; the Store sees to it that a box appears whole or not at all, whatever ends the build.
// What runs on a box is no business of this package.
package boxes
