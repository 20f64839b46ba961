package provisioners

import (
	"os"
	"path/filepath"
	"strings"
)

// HostPath is a path on the developer's machine as a Colabofile writes it: absolute, below the home folder ("~/x"), or
// relative to dir, the Colabofile's folder. The result is absolute when dir is.
func HostPath(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
