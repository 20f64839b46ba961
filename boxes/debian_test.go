package boxes

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got, one argument a line, with testdata/name.
func golden(t *testing.T, name string, got []string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	text := strings.Join(got, "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; -update rewrites it. got:\n%s", path, text)
	}
}

func TestMmdebstrapCommand(t *testing.T) {
	tests := map[string]string{
		"mmdebstrap.golden":        "",
		"mmdebstrap-mirror.golden": "https://mirror.example/debian/",
	}
	for file, mirror := range tests {
		d := debian{name: "debian-12", release: "bookworm", mirror: mirror}
		golden(t, file, d.mmdebstrap("/w", "/w/root", []string{"a", "b"}))
	}
}

func TestConvertCommand(t *testing.T) {
	golden(t, "convert.golden", convertDisk("/w/disk.raw", "/w/disk.qcow2"))
}

func TestPackages(t *testing.T) {
	list, err := packageList()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"linux-image-cloud-amd64", "cloud-init", "openssh-server", "sudo"} {
		if !slices.Contains(list, name) {
			t.Errorf("%s is not among %q", name, list)
		}
	}
	for _, name := range list {
		if strings.ContainsAny(name, "# ,") {
			t.Errorf("%q is no package", name)
		}
	}
}

// TestUnpackedFiles holds because go:embed forgets modes: a hook that isn't executable is skipped in silence.
func TestUnpackedFiles(t *testing.T) {
	dir := t.TempDir()
	if err := unpackFiles(dir); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(dir, "debian"), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o644)
		if data, _ := os.ReadFile(path); e.IsDir() || strings.HasPrefix(string(data), "#!") {
			want = 0o755
		}
		if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, fi.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFindRecipe(t *testing.T) {
	for _, name := range RecipeNames() {
		if r, ok := FindRecipe(name); !ok || r.Name() != name {
			t.Errorf("FindRecipe(%q) = %v, %v", name, r, ok)
		}
	}
	if !slices.Contains(RecipeNames(), "debian-12") {
		t.Errorf("RecipeNames = %q", RecipeNames())
	}
	if _, ok := FindRecipe("debian-0"); ok {
		t.Error("found debian-0")
	}
}

func TestMirrorFromEnvironment(t *testing.T) {
	t.Setenv("COLABO_DEBIAN_MIRROR", "http://mirror.example/debian")
	r, _ := FindRecipe("debian-12")
	argv := r.(debian).mmdebstrap("/w", "/w/root", nil)
	if last := argv[len(argv)-1]; last != "deb http://mirror.example/debian-security bookworm-security main" {
		t.Errorf("security archive: %q", last)
	}
}
