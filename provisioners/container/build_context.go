package container

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"

	"github.com/colabo/colabo/provisioners"
)

const dockerignore = ".dockerignore"

// entry is one file, link or folder of a context.
type entry struct {
	path string // on the host
	name string // in the context, with slashes
	info fs.FileInfo
}

// walk calls visit for all of the context that skip does not match, in lexical order. Folders that are skipped are looked
// into where a pattern may bring back something below them.
func walk(context string, skip *patternmatcher.PatternMatcher, keep []string, visit func(entry) error) error {
	return filepath.WalkDir(context, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == context {
			return err
		}
		name, err := filepath.Rel(context, path)
		if err != nil {
			return err
		}
		skipped, err := skip.MatchesOrParentMatches(name)
		if err != nil {
			return fmt.Errorf("match %s: %w", name, err)
		}
		for _, kept := range keep {
			skipped = skipped && name != kept
		}
		switch {
		case skipped && d.IsDir() && !skip.Exclusions() && !parentOf(name, keep):
			return filepath.SkipDir
		case skipped:
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return visit(entry{path: path, name: filepath.ToSlash(name), info: info})
	})
}

// parentOf says whether one of the names is below the folder.
func parentOf(folder string, names []string) bool {
	for _, name := range names {
		if relative, err := filepath.Rel(folder, name); err == nil && filepath.IsLocal(relative) {
			return true
		}
	}
	return false
}

// files lists what makes the image, for the step's hash: what is sent to the engine; with Prepare the whole folder less its
// outputs and .git.
func (b *Build) files(dir string) ([]string, error) {
	context := provisioners.HostPath(dir, b.Context)
	skip, err := b.ignored(context)
	if len(b.Prepare) > 0 {
		skip, err = patternmatcher.New(append([]string{".git"}, b.Outputs...))
	}
	if err != nil {
		return nil, err
	}
	var files []string
	err = walk(context, skip, b.always(), func(e entry) error {
		if info, err := os.Stat(e.path); err == nil && info.Mode().IsRegular() {
			files = append(files, e.path)
		}
		return nil
	})
	return files, err
}

// always lists what is sent whatever .dockerignore says: the engine needs it.
func (b *Build) always() []string { return []string{b.dockerfile(), dockerignore} }

// pack writes the context as a tar archive.
func (b *Build) pack(dir string, w io.Writer) error {
	context := provisioners.HostPath(dir, b.Context)
	skip, err := b.ignored(context)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	if err := walk(context, skip, b.always(), func(e entry) error { return packEntry(archive, e) }); err != nil {
		return err
	}
	return archive.Close()
}

// packEntry adds one entry, owned by root as every builder does; sockets, pipes and devices are left out.
func packEntry(archive *tar.Writer, e entry) error {
	link := ""
	switch mode := e.info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		to, err := os.Readlink(e.path)
		if err != nil {
			return err
		}
		link = to
	case !mode.IsRegular() && !mode.IsDir():
		return nil
	}
	header, err := tar.FileInfoHeader(e.info, link)
	if err != nil {
		return err
	}
	header.Name, header.Format = e.name, tar.FormatPAX
	if e.info.IsDir() {
		header.Name += "/"
	}
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	if err := archive.WriteHeader(header); err != nil || !e.info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(e.path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(archive, file)
	return err
}
