package boxes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/colabo/colabo/internal/hint"
)

// ErrNotFound says that the store holds no box of that name.
var ErrNotFound = errors.New("box not found")

// Box is an immutable base image in the local store.
type Box struct {
	Name    string
	Version string // the day it was built, "20261122"; a second one of that day is "20261122.2"
	Arch    string // as Debian and Go name it: "amd64"

	// Digest is "sha256:..." over the names and digests of the box's files: equal digests mean equal contents.
	Digest string
	Built  time.Time

	Disk     string // absolute path of the qcow2, "" when the box has none
	DiskSize int64  // its virtual size in bytes
	Rootfs   string // absolute path of the root file system, a zstd-compressed tar; "" when the box has none
	Size     int64  // bytes the box takes on disk
}

// Names of what a box's folder holds. The record is written last: a folder without one is no box.
const (
	recordFile = "box.json"
	diskFile   = "disk.qcow2"
	rootfsFile = "rootfs.tar.zst"
)

// record is box.json. Paths in it are relative to its folder, so that a store can be moved.
type record struct {
	Name     string     `json:"name"`
	Version  string     `json:"version"`
	Arch     string     `json:"arch"`
	Digest   string     `json:"digest"`
	Built    time.Time  `json:"built"`
	DiskSize int64      `json:"disk_size,omitempty"`
	Files    []fileInfo `json:"files"`
}

type fileInfo struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// readBox reads the box in dir. The error is fs.ErrNotExist when dir holds none.
func readBox(dir string) (Box, error) {
	r, err := readRecord(dir)
	if err != nil {
		return Box{}, err
	}
	b := Box{Name: r.Name, Version: r.Version, Arch: r.Arch, Digest: r.Digest, Built: r.Built, DiskSize: r.DiskSize}
	for _, f := range r.Files {
		path := filepath.Join(dir, f.Name)
		switch f.Name {
		case diskFile:
			b.Disk = path
		case rootfsFile:
			b.Rootfs = path
		}
		b.Size += f.Size
	}
	return b, nil
}

func readRecord(dir string) (record, error) {
	path := filepath.Join(dir, recordFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return record{}, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

// writeRecord makes dir a box: it takes the sum of each file and writes box.json, all of it synced to the disk.
func writeRecord(dir string, r record, names []string) error {
	sum := sha256.New()
	for _, name := range names {
		f, err := sumFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		r.Files = append(r.Files, f)
		fmt.Fprintf(sum, "%s  %s\n", f.SHA256, f.Name)
	}
	r.Digest = fmt.Sprintf("sha256:%x", sum.Sum(nil))
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, recordFile), append(data, '\n'), 0o644)
}

// sumFile reads the file at path and syncs it.
func sumFile(path string) (fileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return fileInfo{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fileInfo{}, fmt.Errorf("sum %s: %w", path, err)
	}
	return fileInfo{Name: filepath.Base(path), Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// checkFiles finds a box whose files were deleted or cut short behind our back, without reading them whole.
func checkFiles(dir string) error {
	r, err := readRecord(dir)
	if err != nil {
		return err
	}
	for _, f := range r.Files {
		fi, err := os.Stat(filepath.Join(dir, f.Name))
		if err == nil && fi.Size() != f.Size {
			err = fmt.Errorf("%s has %d bytes, should have %d", f.Name, fi.Size(), f.Size)
		}
		if err != nil {
			return hint.New(fmt.Errorf("box %s is damaged: %w", r.Name, err),
				fmt.Sprintf("run `colabo box remove %s`, then build it again", r.Name))
		}
	}
	return nil
}
