package file

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// The archive's top entries. endName comes last: tar is content with an archive that stops early, so it is the proof
// that all of it arrived.
const (
	contentName = "content"
	endName     = "end"
)

// content is what the step sends.
type content struct {
	path   string // on the host; "" for text
	folder bool
	text   string
	mode   fs.FileMode // of files; 0: as on the host
}

// kind is the script's word for it.
func (c content) kind() string {
	if c.folder {
		return "folder"
	}
	return "file"
}

// pack writes the archive.
func (c content) pack(w io.Writer) error {
	archive := tar.NewWriter(w)
	if err := c.packAll(archive); err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: endName}); err != nil {
		return err
	}
	return archive.Close()
}

func (c content) packAll(archive *tar.Writer) error {
	if c.path == "" {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: contentName, Mode: c.bits(0o644), Size: int64(len(c.text))}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err := io.WriteString(archive, c.text)
		return err
	}
	if !c.folder {
		info, err := os.Stat(c.path) // a link that is the source itself is followed
		if err != nil {
			return err
		}
		return c.packFile(archive, c.path, contentName, info)
	}
	// The trailing slash follows a link that is the source itself.
	return filepath.WalkDir(c.path+string(filepath.Separator), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(c.path, name)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return c.packEntry(archive, name, path.Join(contentName, filepath.ToSlash(relative)), info)
	})
}

// packEntry adds one entry of a folder; sockets, pipes and devices are left out.
func (c content) packEntry(archive *tar.Writer, name, as string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		mode := int64(0o755)
		if c.mode != 0 {
			mode = c.bits(0) | (c.bits(0)&0o444)>>2 // who may read may enter
		}
		return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimSuffix(as, "/") + "/", Mode: mode, ModTime: info.ModTime()})
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(name)
		if err != nil {
			return err
		}
		return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: as, Linkname: to, Mode: 0o777, ModTime: info.ModTime()})
	case info.Mode().IsRegular():
		return c.packFile(archive, name, as, info)
	}
	return nil
}

func (c content) packFile(archive *tar.Writer, name, as string, info fs.FileInfo) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	mode := c.bits(0o644)
	if c.mode == 0 && info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: as, Mode: mode, Size: info.Size(), ModTime: info.ModTime()}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}

// bits is the mode for a file, as the step or else the caller says.
func (c content) bits(otherwise int64) int64 {
	if c.mode != 0 {
		return int64(c.mode)
	}
	return otherwise
}
