package provisioners_test

import (
	"testing"

	"github.com/colabo/colabo/provisioners"
)

func TestHostPath(t *testing.T) {
	t.Setenv("HOME", "/home/ann")
	for path, want := range map[string]string{
		"db/seed.sql":     "/project/db/seed.sql",
		"../shared/a.sql": "/shared/a.sql",
		"/etc/hosts":      "/etc/hosts",
		"~/.gitconfig":    "/home/ann/.gitconfig",
		"~odd":            "/project/~odd",
	} {
		if got := provisioners.HostPath("/project", path); got != want {
			t.Errorf("HostPath(%q) = %q, want %q", path, got, want)
		}
	}
}
