// Package dockertest gives tests a real Docker engine and images for it that come from no registry: one made of the
// host's own shell and tools, and one that holds a single static program.
//
// It is for tests only.
package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Engine returns a client of the engine that tests use. Without one the test is skipped, or fails where
// COLABO_REQUIRE lists docker.
func Engine(t testing.TB) *client.Client {
	t.Helper()
	engine, err := client.New(client.FromEnv)
	if err == nil {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err = engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	}
	if err != nil {
		Missing(t, fmt.Sprintf("no docker engine: %v", err))
	}
	t.Cleanup(func() { _ = engine.Close() })
	return engine
}

// Missing skips the test for that reason, or fails it where COLABO_REQUIRE lists docker.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("COLABO_REQUIRE"), ","), "docker") {
		t.Fatalf("COLABO_REQUIRE has docker, but: %s", reason)
	}
	t.Skip(reason)
}

// Unique is a name that no other test run has.
func Unique(prefix string) string {
	random := make([]byte, 4)
	_, _ = rand.Read(random)
	return prefix + "-" + hex.EncodeToString(random)
}

// ToolsImage imports an image with the host's shell, some of its tools and, where the host has it, perl.
// It is removed when the test ends.
func ToolsImage(t testing.TB, engine *client.Client) string {
	t.Helper()
	return importImage(t, engine, ToolsRootfs(t))
}

// ProbeImage imports an image that holds nothing but /probe, the program in the folder of that name.
// It is removed when the test ends.
func ProbeImage(t testing.TB, engine *client.Client) string {
	t.Helper()
	return importImage(t, engine, ProbeRootfs(t))
}

func importImage(t testing.TB, engine *client.Client, rootfs []byte) string {
	t.Helper()
	reference := "colabo-test/" + Unique("image") + ":test"
	response, err := engine.ImageImport(t.Context(), client.ImageImportSource{Source: bytes.NewReader(rootfs), SourceName: "-"},
		reference, client.ImageImportOptions{})
	if err != nil {
		t.Fatalf("import an image: %v", err)
	}
	defer response.Close()
	if _, err := io.Copy(io.Discard, response); err != nil {
		t.Fatalf("import an image: %v", err)
	}
	t.Cleanup(func() {
		_, err := engine.ImageRemove(context.Background(), reference, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		if err != nil {
			t.Errorf("remove the test's image: %v", err)
		}
	})
	return reference
}

// Run starts a container and returns its id. It is removed when the test ends.
func Run(t testing.TB, engine *client.Client, config container.Config, host container.HostConfig) string {
	t.Helper()
	created, err := engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config: &config, HostConfig: &host, Name: Unique("colabo-test"),
	})
	if err != nil {
		t.Fatalf("create a container: %v", err)
	}
	t.Cleanup(func() {
		_, err := engine.ContainerRemove(context.Background(), created.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil {
			t.Errorf("remove the test's container: %v", err)
		}
	})
	if _, err := engine.ContainerStart(t.Context(), created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatalf("start a container: %v", err)
	}
	return created.ID
}

// ProbeRootfs is the tar of ProbeImage.
func ProbeRootfs(t testing.TB) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "probe")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program,
		"github.com/colabo/colabo/internal/guest/dockerguest/dockertest/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the probe: %v\n%s", err, output)
	}
	root := newRootfs(t)
	root.file("probe", program)
	return root.bytes()
}

// rootfs collects a tar.
type rootfs struct {
	t    testing.TB
	out  bytes.Buffer
	w    *tar.Writer
	have map[string]bool
}

func newRootfs(t testing.TB) *rootfs {
	root := &rootfs{t: t, have: map[string]bool{}}
	root.w = tar.NewWriter(&root.out)
	return root
}

// add puts one entry in, once.
func (r *rootfs) add(header tar.Header, content []byte) {
	r.t.Helper()
	if r.have[header.Name] {
		return
	}
	r.have[header.Name] = true
	header.Size = int64(len(content))
	if err := r.w.WriteHeader(&header); err != nil {
		r.t.Fatalf("make a rootfs: %v", err)
	}
	if _, err := r.w.Write(content); err != nil {
		r.t.Fatalf("make a rootfs: %v", err)
	}
}

// file puts in a file of the host; its mode stays.
func (r *rootfs) file(name, source string) {
	r.t.Helper()
	content, err := os.ReadFile(source)
	if err != nil {
		r.t.Fatalf("make a rootfs: %v", err)
	}
	info, err := os.Stat(source)
	if err != nil {
		r.t.Fatalf("make a rootfs: %v", err)
	}
	r.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(info.Mode().Perm())}, content)
}

func (r *rootfs) text(name string, mode int64, content string) {
	r.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, []byte(content))
}

func (r *rootfs) folder(name string, mode int64) {
	r.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil)
}

func (r *rootfs) bytes() []byte {
	r.t.Helper()
	if err := r.w.Close(); err != nil {
		r.t.Fatalf("make a rootfs: %v", err)
	}
	return r.out.Bytes()
}
