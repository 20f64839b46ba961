package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/colabo/colabo/internal/colabofile"
)

// hashStep is the content hash by which the journal knows a step: its type and configuration, the environment it runs
// in, and name, mode and content of every file it reads on the host. dir is the Colabofile's folder.
func hashStep(dir string, machine *colabofile.Machine, step colabofile.Step) (string, error) {
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode([]any{step.Type, step.Spec, machine.Env, machine.User}); err != nil {
		return "", err
	}
	files, err := step.Spec.Files(dir)
	if err != nil {
		return "", err
	}
	for _, name := range files {
		if err := hashFile(hash, dir, name); err != nil {
			return "", err
		}
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// hashFile adds a file to a hash. Symbolic links count as what they point at: that is what the step reads.
func hashFile(hash io.Writer, dir, name string) error {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, name)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	// The name relative to the project, so that two checkouts have the same hash; the length, so that no content can pass for a header.
	if relative, err := filepath.Rel(dir, path); err == nil {
		name = relative
	}
	if _, err := fmt.Fprintf(hash, "%q %o %d\n", filepath.ToSlash(name), info.Mode().Perm()&0o111, info.Size()); err != nil {
		return err
	}
	_, err = io.Copy(hash, file)
	return err
}
