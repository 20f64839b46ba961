package boxes

import (
	"context"
	"os"
	"slices"
)

// Recipe knows how to make one box.
type Recipe interface {
	// Name of the box that it makes. It is a file name.
	Name() string

	// Arch of the box that it makes, as Go names it.
	Arch() string

	// Space is about how many bytes of disk Build takes while it runs.
	Space() int64

	// Check finds out, before anything is made, whether Build can work on this machine.
	// Its error names all that is missing and carries a hint that says how to get it.
	Check() error

	// Build makes the box's files in the empty folder dir and says what it made. It leaves nothing anywhere else,
	// runs no process that outlives it, and returns soon after ctx ends. It need not clean up in dir: its caller does,
	// also after a Build that was killed. For that, whatever it mounts must go away with its processes.
	Build(ctx context.Context, dir string, report func(Progress)) (Artifacts, error)
}

// Artifacts are what a recipe made: paths of finished files, on the file system of the folder it was given. "" is none.
type Artifacts struct {
	Disk     string // a qcow2
	DiskSize int64  // its virtual size in bytes
	Rootfs   string // a zstd-compressed tar
}

// Progress is what a build is at. Events come from any goroutine, one at a time.
type Progress struct {
	Stage  string // "install packages"
	Detail string // the last line of the tool at work; may be empty
}

// recipes are the built-in ones, by name.
func recipes() []Recipe {
	return []Recipe{
		debian{release: "bookworm", name: "debian-12", mirror: os.Getenv("COLABO_DEBIAN_MIRROR")},
	}
}

// FindRecipe returns the built-in recipe of that name. The variable COLABO_DEBIAN_MIRROR names another Debian mirror than
// the public one, both for the build and for apt in the machines made from the box; its security archive is
// expected beside it, "-security" added.
func FindRecipe(name string) (Recipe, bool) {
	all := recipes()
	i := slices.IndexFunc(all, func(r Recipe) bool { return r.Name() == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// RecipeNames returns the names that FindRecipe knows, sorted.
func RecipeNames() []string {
	var names []string
	for _, r := range recipes() {
		names = append(names, r.Name())
	}
	slices.Sort(names)
	return names
}
