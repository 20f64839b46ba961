// Package file is the provision step that puts a file or a folder of the host, or a text of the Colabofile, into the machine.
//
// A file appears whole or not at all. A folder's content is added to the destination: files of the same name are
// replaced, others are left alone, and folders that are there keep their owner and mode. Symbolic links stay links.
// What is new belongs to `owner`, or to root; with a destination below "~/" to the login user.
// Modes are as in git: 0755 for folders and for what the host may execute, else 0644, unless `mode` says otherwise.
package file

import (
	"context"
	_ "embed" // for the script
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/tail"
)

//go:embed place.sh
var placeScript string

// Step is one [[machine.X.provision]] of type "file".
type Step struct {
	Source      string `toml:"source" doc:"file or folder on the host"`
	Content     string `toml:"content" doc:"the file's text, instead of source"`
	Destination string `toml:"destination" doc:"absolute path in the machine, or ~/path; ends with / to put a file into a folder"`
	Owner       string `toml:"owner" doc:"user or user:group in the machine; default: root, or the login user below ~/"`
	Mode        string `toml:"mode" doc:"permission bits, octal, as in 0640; of a folder: those of its files"`
}

// Kind returns the step type "file".
func Kind() provisioners.Kind {
	return provisioners.Kind{Type: "file", New: func() provisioners.Step { return &Step{} }}
}

// Validate checks that there is one source, that it exists, and that the destination can hold it.
func (s *Step) Validate(dir string) []provisioners.Problem {
	var problems []provisioners.Problem
	add := func(key, format string, args ...any) {
		problems = append(problems, provisioners.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	switch {
	case s.Source != "" && s.Content != "":
		add("content", "source and content exclude each other")
	case s.Source == "" && s.Content == "":
		add("source", "a file step needs source or content")
	case s.Source != "":
		switch info, err := os.Stat(provisioners.HostPath(dir, s.Source)); {
		case errors.Is(err, fs.ErrNotExist):
			add("source", "no such file or folder: %s", s.Source)
		case err != nil:
			add("source", "%s", err)
		case !info.IsDir() && !info.Mode().IsRegular():
			add("source", "%s is neither a file nor a folder", s.Source)
		}
	}
	switch {
	case s.Destination == "":
		add("destination", "a file step needs a destination")
	case !strings.HasPrefix(s.Destination, "/") && !strings.HasPrefix(s.Destination, "~/"):
		add("destination", "must be absolute in the machine, or start with ~/")
	case strings.HasSuffix(s.Destination, "/") && s.Source == "":
		add("destination", "content needs a file name")
	}
	if s.Owner != "" && strings.HasPrefix(s.Destination, "~/") {
		add("owner", "files below ~/ belong to the login user; give an absolute destination")
	}
	if _, err := s.mode(); err != nil {
		add("mode", "%s", err)
	}
	return problems
}

// Files lists the source: the file itself, or every file below the folder. Links to folders and to nothing have no
// content on the host and are left out.
func (s *Step) Files(dir string) ([]string, error) {
	if s.Source == "" {
		return nil, nil
	}
	var files []string
	err := filepath.WalkDir(provisioners.HostPath(dir, s.Source), func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

// Run sends the source as one tar stream, in one round trip.
func (s *Step) Run(ctx context.Context, target provisioners.Target) error {
	mode, err := s.mode()
	if err != nil {
		return err
	}
	source := content{mode: mode}
	if s.Source == "" {
		source.text = s.Content
	} else {
		source.path = provisioners.HostPath(target.Dir, s.Source)
		info, err := os.Stat(source.path)
		if err != nil {
			return err
		}
		source.folder = info.IsDir()
	}
	destination, user := s.destination(source.folder), "root"
	if strings.HasPrefix(destination, "~/") {
		user = target.User
	}
	target.Progress("copying to " + destination)
	reader, writer := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := source.pack(writer)
		_ = writer.CloseWithError(err) // never fails
		packed <- err
	}()
	output := tail.NewWriter(target.Output)
	err = target.Guest.Run(ctx, guest.Command{
		Argv:   []string{"sh", "-c", placeScript, "colabo-file", destination, s.Owner, source.kind()},
		User:   user,
		Stdin:  reader,
		Stdout: output,
		Stderr: output,
	})
	_ = reader.Close() // ends the packing where the guest did not read it to its end; never fails
	if packErr := <-packed; packErr != nil && !errors.Is(packErr, io.ErrClosedPipe) {
		return fmt.Errorf("read %s: %w", s.Source, packErr)
	}
	if exit, ok := errors.AsType[*guest.ExitError](err); ok {
		named := *exit
		named.Argv = []string{"copy to", destination}
		return output.Annotate(&named)
	}
	return err
}

// destination is where the source itself goes: a file whose destination ends with / keeps its name.
func (s *Step) destination(folder bool) string {
	if strings.HasSuffix(s.Destination, "/") && !folder {
		return path.Join(s.Destination, filepath.Base(s.Source))
	}
	return path.Clean(s.Destination)
}

// mode is the permission bits for files; 0 where the step leaves them open.
func (s *Step) mode() (fs.FileMode, error) {
	if s.Mode == "" {
		return 0, nil
	}
	bits, err := strconv.ParseUint(s.Mode, 8, 12)
	if err != nil || bits > 0o7777 || bits == 0 {
		return 0, fmt.Errorf("%q is not an octal mode like \"0640\"", s.Mode)
	}
	return fs.FileMode(bits), nil
}
