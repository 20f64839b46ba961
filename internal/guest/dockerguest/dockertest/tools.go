package dockertest

import (
	"archive/tar"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ToolsRootfs is the tar of ToolsImage: what the host has of a shell and small tools, with the libraries they need.
func ToolsRootfs(t testing.TB) []byte {
	t.Helper()
	root := newRootfs(t)
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		root.folder("usr/"+link, 0o755)
		root.add(tar.Header{Typeflag: tar.TypeSymlink, Name: link, Linkname: "usr/" + link, Mode: 0o777}, nil)
	}
	root.folder("tmp", 0o1777)
	root.folder("root", 0o700)
	root.folder("etc/skel", 0o755)
	root.folder("etc/sudoers.d", 0o750)
	root.text("etc/skel/.profile", 0o644, "# from the skeleton\n")
	root.text("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\ntaken:x:1000:1000::/:/bin/sh\n")
	root.text("etc/group", 0o644, "root:x:0:\nnogroup:x:65534:\ntaken:x:1000:\n")
	root.text("etc/shadow", 0o640, "root:*:19000:0:99999:7:::\n")
	for _, tool := range []string{
		"sh", "cat", "chmod", "chown", "dirname", "env", "head", "id", "ls", "mkdir", "mv", "rm", "sleep", "stat", "stty",
		"test", "true", "wc",
	} {
		root.tool(tool)
	}
	if _, err := exec.LookPath("perl"); err == nil {
		root.perl()
	}
	return root.bytes()
}

// tool puts in a program of the host under /usr/bin, and the libraries that it loads.
func (r *rootfs) tool(name string) {
	r.t.Helper()
	found, err := exec.LookPath(name)
	if err != nil {
		Missing(r.t, "the host has no "+name+" to make an image of")
	}
	source, err := filepath.EvalSymlinks(found)
	if err != nil {
		r.t.Fatalf("make a rootfs: %v", err)
	}
	r.file("usr/bin/"+name, source)
	r.libraries(source)
}

// libraries puts in what a program or library loads, at the host's own places.
func (r *rootfs) libraries(source string) {
	r.t.Helper()
	output, err := exec.CommandContext(r.t.Context(), "ldd", source).CombinedOutput()
	if err != nil {
		return // static
	}
	for _, field := range strings.Fields(string(output)) {
		if strings.HasPrefix(field, "/") {
			r.hostFile(field)
		}
	}
}

// hostFile puts in a file of the host at its own place, below usr where the host may have a link.
func (r *rootfs) hostFile(path string) {
	r.t.Helper()
	name := strings.TrimPrefix(path, "/")
	if strings.HasPrefix(name, "lib") {
		name = "usr/" + name
	}
	if !r.have[name] {
		r.file(name, path)
	}
}

// perl puts in perl and the modules that the relay uses.
func (r *rootfs) perl() {
	r.t.Helper()
	r.tool("perl")
	output, err := exec.CommandContext(r.t.Context(), "perl", "-MSocket=:DEFAULT,:addrinfo", "-MDynaLoader", "-Mstrict",
		"-e", `print "$_\n" for values %INC, @DynaLoader::dl_shared_objects`).Output()
	if err != nil {
		r.t.Fatalf("ask perl for its modules: %v", err)
	}
	for _, path := range strings.Fields(string(output)) {
		r.hostFile(path)
	}
}
