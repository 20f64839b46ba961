package boxes

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/colabo/colabo/internal/hint"
)

// debianFiles is all that a Debian box is apart from Debian: the packages, the files laid over them, and the scripts
// that turn them into a disk and a container's root.
//
//go:embed all:debian
var debianFiles embed.FS

// debian makes a box from Debian's packages, on a host of the same architecture.
type debian struct {
	name    string
	release string
	mirror  string // "" is defaultMirror
}

const (
	defaultMirror  = "http://deb.debian.org/debian"
	debianDiskSize = 10 << 30 // as in debian/disk.sh
)

// debianTools are those of the scripts too.
var debianTools = []tool{
	{"mmdebstrap", "mmdebstrap"},
	{"/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"},
	{"unshare", "util-linux"},
	{"mount", "mount"},
	{"sfdisk", "fdisk"},
	{"mkfs.ext4", "e2fsprogs"},
	{"extlinux", "extlinux"},
	{"/usr/lib/EXTLINUX/mbr.bin", "extlinux"},
	{"qemu-img", "qemu-utils"},
	{"tar", "tar"},
	{"systemctl", "systemd"},
}

func (d debian) Name() string { return d.name }

func (d debian) Arch() string { return runtime.GOARCH }

// Space is the system once as a tree and once as a raw disk, the packages, and the two files that stay.
func (d debian) Space() int64 { return 2 << 30 }

// Check tells what this machine lacks.
func (d debian) Check() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("%s is built on linux/amd64, this is %s/%s", d.name, runtime.GOOS, runtime.GOARCH)
	}
	if err := checkTools(debianTools); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return hint.New(errNotRoot, "run `sudo -E colabo box build "+d.name+"`")
	}
	return nil
}

// Build installs the packages into a tree, makes the disk from it, then turns the tree into a container's.
func (d debian) Build(ctx context.Context, dir string, report func(Progress)) (Artifacts, error) {
	if err := unpackFiles(dir); err != nil {
		return Artifacts{}, err
	}
	packages, err := packageList()
	if err != nil {
		return Artifacts{}, err
	}
	root, raw := filepath.Join(dir, "root"), filepath.Join(dir, "disk.raw")
	made := Artifacts{
		Disk: filepath.Join(dir, diskFile), DiskSize: debianDiskSize,
		Rootfs: filepath.Join(dir, rootfsFile),
	}
	mnt := filepath.Join(dir, "mnt")
	if err := os.Mkdir(mnt, 0o700); err != nil {
		return Artifacts{}, err
	}
	if err := run(ctx, d.mmdebstrap(dir, root, packages), "install packages", nil, report); err != nil {
		return Artifacts{}, err
	}
	if err := run(ctx, []string{"sh", filepath.Join(dir, "debian/disk.sh"), root, raw, mnt}, "make disk", nil, report); err != nil {
		return Artifacts{}, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return run(ctx, convertDisk(raw, made.Disk), "compress disk", nil, report)
	})
	g.Go(func() error {
		argv := []string{"sh", filepath.Join(dir, "debian/container.sh"), root}
		if err := run(ctx, argv, "make container root", nil, report); err != nil {
			return err
		}
		return packRootfs(ctx, root, made.Rootfs, report)
	})
	return made, g.Wait()
}

// mmdebstrap returns the command that installs the packages into root.
func (d debian) mmdebstrap(dir, root string, packages []string) []string {
	mirror := cmp.Or(strings.TrimSuffix(d.mirror, "/"), defaultMirror)
	argv := []string{
		"mmdebstrap", "--mode=root", "--format=directory", "--variant=apt",
		"--include=" + strings.Join(packages, ","),
		"--aptopt=Apt::Install-Recommends \"false\"",
		"--aptopt=Acquire::Languages \"none\"",
	}
	// Manuals and translations are a third of what dpkg would have to write.
	for _, rule := range []string{
		"path-exclude=/usr/share/man/*", "path-exclude=/usr/share/info/*", "path-exclude=/usr/share/locale/*",
		"path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
	} {
		argv = append(argv, "--dpkgopt="+rule)
	}
	return append(argv,
		// Before the kernel comes, so that its initramfs is made once, and small.
		"--essential-hook=sync-in "+shellQuote(filepath.Join(dir, "debian/overlay"))+" /",
		"--customize-hook="+shellQuote(filepath.Join(dir, "debian/customize.sh"))+` "$1"`,
		d.release, root,
		"deb "+mirror+" "+d.release+" main",
		"deb "+mirror+" "+d.release+"-updates main",
		"deb "+mirror+"-security "+d.release+"-security main",
	)
}

// shellQuote makes one word of s: mmdebstrap gives its hooks to a shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// convertDisk returns the command that makes the box's disk from a raw one.
func convertDisk(raw, disk string) []string {
	return []string{
		"qemu-img", "convert", "-W", "-m", "8", "-c", "-f", "raw", "-O", "qcow2",
		"-o", "compression_type=zstd", raw, disk,
	}
}

// packRootfs packs root into a tar at path. It takes a fast level: docker unpacks it once, and CI builds it each time.
func packRootfs(ctx context.Context, root, path string, report func(Progress)) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	argv := []string{"tar", "--create", "--numeric-owner", "--sort=name", "--xattrs", "--xattrs-include=*", "--one-file-system", "-C", root, "."}
	err = run(ctx, argv, "pack container root", z, report)
	return errors.Join(err, z.Close())
}

// packageList reads debian/packages.txt.
func packageList() ([]string, error) {
	data, err := debianFiles.ReadFile("debian/packages.txt")
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list, nil
}

// unpackFiles writes debianFiles to dir, with the modes that go:embed forgets: all may read, what begins with #! is executable.
func unpackFiles(dir string) error {
	return fs.WalkDir(debianFiles, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, path)
		if e.IsDir() {
			return errors.Join(os.MkdirAll(target, 0o755), os.Chmod(target, 0o755))
		}
		data, err := debianFiles.ReadFile(path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(data, []byte("#!")) {
			mode = 0o755
		}
		return errors.Join(os.WriteFile(target, data, mode), os.Chmod(target, mode))
	})
}
