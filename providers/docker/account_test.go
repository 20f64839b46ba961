package docker

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"
)

func etcFile(name, content string) *rootFile {
	return &rootFile{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o640, Gid: 42, Size: int64(len(content))}, content: []byte(content)}
}

// byName is what the files hold.
func byName(files []rootFile) map[string]string {
	contents := map[string]string{}
	for _, file := range files {
		contents[file.Name] = string(file.content)
	}
	return contents
}

// TestWithAccount: a distribution's files get one entry each, with ids that nobody has; the rest of them stays.
func TestWithAccount(t *testing.T) {
	skeleton := rootFile{Header: tar.Header{Typeflag: tar.TypeReg, Name: ".profile", Mode: 0o644, Size: 1}, content: []byte("p")}
	files, err := withAccount("dev", imageEtc{
		passwd:        etcFile("etc/passwd", "root:x:0:0::/root:/bin/sh\ntaken:x:1000:1000::/:/bin/sh"),
		group:         etcFile("etc/group", "root:x:0:\nother:x:1001:\n"),
		shadow:        etcFile("etc/shadow", "root:*:1::::::\n"),
		gshadow:       etcFile("etc/gshadow", ""),
		skeleton:      []rootFile{skeleton},
		shell:         "/bin/bash",
		sudoersFolder: true,
		homeFolder:    true,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"etc/passwd":              "root:x:0:0::/root:/bin/sh\ntaken:x:1000:1000::/:/bin/sh\ndev:x:1002:1002::/home/dev:/bin/bash\n",
		"etc/group":               "root:x:0:\nother:x:1001:\ndev:x:1002:\n",
		"etc/shadow":              "root:*:1::::::\ndev:*:::::::\n",
		"etc/gshadow":             "dev:!::\n",
		"etc/sudoers.d/90-colabo": "dev ALL=(ALL:ALL) NOPASSWD: ALL\n",
		"home/dev/":               "",
		"home/dev/.profile":       "p",
	}
	got := byName(files)
	if len(got) != len(want) {
		t.Errorf("got %d files: %v", len(got), got)
	}
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s is %q, want %q", name, got[name], content)
		}
	}
	for _, file := range files {
		if strings.HasPrefix(file.Name, "home/dev") && (file.Uid != 1002 || file.Gid != 1002) {
			t.Errorf("%s is %d:%d's", file.Name, file.Uid, file.Gid)
		}
		if file.Name == "etc/shadow" && (file.Mode != 0o640 || file.Gid != 42) {
			t.Errorf("etc/shadow has mode %o and group %d", file.Mode, file.Gid)
		}
	}
	wantArchive(t, files)
}

// wantArchive: the files make a tar that can be read back.
func wantArchive(t *testing.T, files []rootFile) {
	t.Helper()
	packed, err := archive(files)
	if err != nil {
		t.Fatal(err)
	}
	reader := tar.NewReader(bytes.NewReader(packed))
	for _, file := range files {
		header, err := reader.Next()
		if err != nil || header.Name != file.Name {
			t.Fatalf("got %v %v, want %s", header, err, file.Name)
		}
		if content, err := io.ReadAll(reader); err != nil || !bytes.Equal(content, file.content) {
			t.Errorf("%s holds %q %v", file.Name, content, err)
		}
	}
}

// TestWithAccountOddImages: images without accounts, with the user already, and users that nobody may have.
func TestWithAccountOddImages(t *testing.T) {
	empty, err := withAccount("dev", imageEtc{shell: "/bin/sh"})
	if err != nil {
		t.Fatal(err)
	}
	got := byName(empty)
	if got["etc/passwd"] != "root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000::/home/dev:/bin/sh\n" || got["etc/group"] != "root:x:0:\ndev:x:1000:\n" {
		t.Errorf("an empty image gets %q", got)
	}
	if _, made := got["etc/shadow"]; made {
		t.Error("an image without shadow got one")
	}
	same, err := withAccount("dev", imageEtc{passwd: etcFile("etc/passwd", "dev:x:7:7::/srv:/bin/sh\n"), sudoersFolder: true})
	if err != nil || len(same) != 1 || same[0].Name != "etc/sudoers.d/90-colabo" {
		t.Errorf("an image with the user gets %v, %v", byName(same), err)
	}
	group, err := withAccount("dev", imageEtc{group: etcFile("etc/group", "dev:x:50:\n")})
	if err != nil || !strings.Contains(byName(group)["etc/passwd"], "dev:x:1000:50:") {
		t.Errorf("an image with the group gets %q, %v", byName(group), err)
	}
	for _, user := range []string{"", "root"} {
		if files, err := withAccount(user, imageEtc{}); err != nil || files != nil {
			t.Errorf("%q: %v %v", user, files, err)
		}
	}
	for _, user := range []string{"a:b", "a b", "-a", "a\nb", "$a", "a/b", "ä"} {
		if _, err := withAccount(user, imageEtc{}); err == nil {
			t.Errorf("user %q was taken", user)
		}
	}
}
