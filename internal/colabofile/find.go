package colabofile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/colabo/colabo/internal/hint"
)

// Find returns the path of the Colabofile of dir: in it, or in the nearest folder above. What is above a folder reached
// by a symbolic link is what is above the folder itself; the path is put as dir is where it leads to the same place.
// Its error wraps ErrNotFound, or ErrUnusable where the nearest thing of that name is no file.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the Colabofile: %w", err)
	}
	physical, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("find the Colabofile: %w", err)
	}
	for folder := physical; ; folder = filepath.Dir(folder) {
		path := filepath.Join(folder, FileName)
		_, err := os.Lstat(path)
		if err == nil {
			path = filepath.Join(asTyped(dir, folder), FileName)
			return path, checkFile(path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find the Colabofile: %w", err)
		}
		if folder == filepath.Dir(folder) {
			return "", hint.New(fmt.Errorf("%s: %w", dir, ErrNotFound),
				"go to a folder of the project, name it with -C DIR, or write a Colabofile; examples/funtime has a whole one")
		}
	}
}

// asTyped is the folder as a part of the path that the user gave; the folder itself where it is none.
func asTyped(typed, folder string) string {
	for ; typed != filepath.Dir(typed); typed = filepath.Dir(typed) {
		if physical, err := filepath.EvalSymlinks(typed); err == nil && physical == folder {
			return typed
		}
	}
	return folder
}

// checkFile says why what has the name of a Colabofile is none.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: a symbolic link to what is not there: %w", shownPath(path), ErrUnusable)
	case err != nil:
		return fmt.Errorf("find the Colabofile: %w", err)
	case info.IsDir():
		return fmt.Errorf("%s: a folder: %w", shownPath(path), ErrUnusable)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: not a regular file: %w", shownPath(path), ErrUnusable)
	}
	return nil
}
