package sshguest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/colabo/colabo/internal/guest"
)

// only fails unless dir holds nothing but the named files.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, "|") != strings.Join(names, "|") {
		t.Errorf("%s holds %q, want %q", dir, got, names)
	}
}

func TestUploadAndDownload(t *testing.T) {
	g, _ := connect(t)
	big := make([]byte, 40<<20)
	if _, err := rand.Read(big); err != nil {
		t.Fatal(err)
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, content := range map[string][]byte{"empty": {}, "binary": every, "newlines": []byte("\n\n\n"), "it's $(big)\n": big} {
		dir := filepath.Join(t.TempDir(), "new", "folders")
		file := filepath.Join(dir, name)
		// A reader of unknown length, so that nothing can be taken from its size.
		err := g.Upload(t.Context(), io.MultiReader(bytes.NewReader(content)), guest.File{Path: file, Mode: 0o640, Owner: me(t)})
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode() != 0o640 {
			t.Errorf("%q: %v, %v", name, info.Mode(), err)
		}
		only(t, dir, name)
		sum := sha256.New()
		if err := g.Download(t.Context(), file, sum); err != nil {
			t.Error(err)
		}
		if want := sha256.Sum256(content); !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Errorf("%q came back changed", name)
		}
	}
}

// cutOff is a reader whose source was shorter than it should be, as that of a broken archive.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// me is an owner that the test, root or not, may give a file to.
func me(t *testing.T) string {
	t.Helper()
	g, _ := connect(t)
	return strings.TrimSpace(output(t, g, command("sh", "-c", `echo "$(id -u):$(id -g)"`)))
}

func TestUploadReplaces(t *testing.T) {
	g, _ := connect(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	for _, content := range []string{"a longer first version", "short"} {
		if err := g.Upload(t.Context(), strings.NewReader(content), guest.File{Path: file, Owner: me(t)}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != content {
			t.Errorf("%q, %v", got, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v; want 0644", info.Mode(), err)
	}
	only(t, dir, "f")
}

// TestUploadIsWholeOrNothing cuts uploads off in all ways and looks for remains.
func TestUploadIsWholeOrNothing(t *testing.T) {
	g, s := connect(t)
	dir := t.TempDir()
	file := guest.File{Path: filepath.Join(dir, "f"), Owner: me(t)}
	if err := os.WriteFile(file.Path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	unchanged := func(how string) {
		t.Helper()
		eventually(t, how+": the temporary file stays", func() bool {
			entries, err := os.ReadDir(dir)
			return err == nil && len(entries) == 1
		})
		if got, err := os.ReadFile(file.Path); err != nil || string(got) != "old" {
			t.Errorf("%s: file now holds %.40q, %v", how, got, err)
		}
	}
	if err := g.Upload(t.Context(), &brokenAfter{5_000_000}, file); !errors.Is(err, errBroken) {
		t.Errorf("content broken: %v", err)
	}
	unchanged("content broken")

	short := io.MultiReader(strings.NewReader("start"), &cutOff{})
	if err := g.Upload(t.Context(), short, file); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("content cut off: %v", err)
	}
	unchanged("content cut off")

	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	go func() { _, _ = w.Write(make([]byte, 5_000_000)); cancel() }()
	if err := g.Upload(ctx, r, file); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	unchanged("cancelled")

	r, w = io.Pipe()
	go func() { _, _ = w.Write(make([]byte, 5_000_000)); s.Disconnect() }()
	if err := g.Upload(t.Context(), r, file); err == nil {
		t.Error("connection lost: no error")
	}
	unchanged("connection lost")
}

func TestUploadRefused(t *testing.T) {
	g, _ := connect(t)
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]guest.File{
		"relative": {Path: "f"}, "folder": {Path: dir}, "below a file": {Path: plain + "/f"},
		"unknown owner": {Path: filepath.Join(dir, "f"), Owner: "nobody-there"}, "trailing slash": {Path: dir + "/"},
	} {
		if err := g.Upload(t.Context(), strings.NewReader("x"), file); err == nil {
			t.Errorf("%s: taken", name)
		} else {
			t.Log(err)
		}
	}
	only(t, dir, "plain")
}

func TestDownloadTellsWhatIsNotThere(t *testing.T) {
	g, _ := connect(t)
	dir := t.TempDir()
	err := g.Download(t.Context(), filepath.Join(dir, "no"), io.Discard)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if err := g.Download(t.Context(), dir, io.Discard); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("folder: %v", err)
	}
	if err := g.Download(t.Context(), "relative", io.Discard); err == nil {
		t.Error("relative path: taken")
	}
}

func TestDial(t *testing.T) {
	g, _ := connect(t)
	socket := filepath.Join(t.TempDir(), "s")
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": socket} {
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		go echoUntilEOF(listener)
		conn, err := g.Dial(t.Context(), network, listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Error(err)
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		// The answer comes after our side is closed: half-close works.
		if got, err := io.ReadAll(conn); err != nil || string(got) != "hello, all of it" {
			t.Errorf("%s: %q, %v", network, got, err)
		}
		_ = conn.Close()
		_ = listener.Close()
		if conn, err := g.Dial(t.Context(), network, listener.Addr().String()); err == nil {
			t.Errorf("%s: reached %v, where nobody listens", network, conn.RemoteAddr())
		}
	}
	if _, err := g.Dial(t.Context(), "udp", "127.0.0.1:53"); err == nil {
		t.Error("udp: no error")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	cancel()
	if _, err := g.Dial(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// echoUntilEOF answers one connection when it has read all of it.
func echoUntilEOF(listener net.Listener) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if err == nil {
		_, _ = conn.Write(append(got, ", all of it"...))
	}
}
