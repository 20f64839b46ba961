package providertest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// filesDir is where the suite puts files in the guest.
const filesDir = "/var/tmp/colabo-contract"

// testFiles: files go up whole or not at all, and come down as they are.
func (s *suite) testFiles(t *testing.T, spec providers.Spec, g guest.Guest) {
	t.Run("round trip", func(t *testing.T) {
		for name, content := range map[string][]byte{
			"empty": {}, "text": []byte("one\ntwo"), "binary": binary(3 << 20), "a 'b' \"c\" $d é": []byte("hostile name"),
		} {
			path := filesDir + "/deep/er/" + name
			must(t, g.Upload(s.ctx(t), bytes.NewReader(content), guest.File{Path: path}), "Upload "+path)
			s.wantContent(t, g, path, content)
		}
	})
	t.Run("upload replaces", func(t *testing.T) {
		path := filesDir + "/replaced"
		for _, content := range []string{"a long first content", "short"} {
			must(t, g.Upload(s.ctx(t), strings.NewReader(content), guest.File{Path: path}), "Upload")
			s.wantContent(t, g, path, []byte(content))
		}
	})
	t.Run("commands see uploads", func(t *testing.T) {
		must(t, g.Upload(s.ctx(t), strings.NewReader("seen"), guest.File{Path: filesDir + "/seen"}), "Upload")
		stdout, stderr, err := s.output(t, g, guest.Command{Argv: []string{"cat", "seen"}, Dir: filesDir})
		if err != nil || stdout != "seen" {
			t.Errorf("cat printed %q %q, %v", stdout, stderr, err)
		}
	})
	t.Run("download a missing file", func(t *testing.T) {
		if err := g.Download(s.ctx(t), filesDir+"/missing", io.Discard); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want an error that wraps fs.ErrNotExist", err)
		}
	})
	t.Run("a broken upload changes nothing", func(t *testing.T) { s.uploadBroken(t, g) })
	t.Run("mode and owner", func(t *testing.T) { s.uploadMode(t, spec, g) })
}

// wantContent fails the test unless the guest's file holds exactly that.
func (s *suite) wantContent(t *testing.T, g guest.Guest, path string, want []byte) {
	t.Helper()
	var got bytes.Buffer
	must(t, g.Download(s.ctx(t), path, &got), "Download "+path)
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s holds %d bytes, other than the %d that were sent", path, got.Len(), len(want))
	}
}

// uploadBroken: when the content can't be read to its end, the old file stays, and nothing else is in the folder.
func (s *suite) uploadBroken(t *testing.T, g guest.Guest) {
	dir := filesDir + "/broken"
	must(t, g.Upload(s.ctx(t), strings.NewReader("old"), guest.File{Path: dir + "/file"}), "Upload")
	cause := errors.New("the content broke off")
	content := io.MultiReader(bytes.NewReader(binary(100_000)), iotest.ErrReader(cause))
	if err := g.Upload(s.ctx(t), content, guest.File{Path: dir + "/file"}); !errors.Is(err, cause) {
		t.Errorf("Upload returned %v, want an error that wraps the reader's", err)
	}
	s.wantContent(t, g, dir+"/file", []byte("old"))
	stdout, _, err := s.output(t, g, guest.Command{Argv: []string{"ls", "-A"}, Dir: dir, User: "root"})
	must(t, err, "ls")
	if stdout != "file\n" {
		t.Errorf("the folder holds %q, want only the file", stdout)
	}
}

// uploadMode: a file gets the mode and the owner that it was given, 0644 and root where none is.
func (s *suite) uploadMode(t *testing.T, spec providers.Spec, g guest.Guest) {
	for _, test := range []struct {
		file guest.File
		want string
	}{
		{guest.File{Path: filesDir + "/plain"}, "644 root\n"},
		{guest.File{Path: filesDir + "/secret", Mode: 0o600}, "600 root\n"},
		{guest.File{Path: filesDir + "/tool", Mode: 0o755, Owner: spec.User}, "755 " + spec.User + "\n"},
		{guest.File{Path: filesDir + "/both", Mode: 0o640, Owner: spec.User + ":root"}, "640 " + spec.User + "\n"},
	} {
		if s.HostProcesses {
			test.file.Owner = ""
			test.want = test.want[:3] + "\n"
		}
		must(t, g.Upload(s.ctx(t), strings.NewReader("x"), test.file), "Upload "+test.file.Path)
		format := "%a %U"
		if s.HostProcesses {
			format = "%a"
		}
		stdout, stderr, err := s.output(t, g, guest.Command{
			Argv: []string{"stat", "-c", format, test.file.Path}, User: "root",
		})
		if err != nil || stdout != test.want {
			t.Errorf("stat of %s printed %q %q %v, want %q", test.file.Path, stdout, stderr, err, test.want)
		}
	}
}
