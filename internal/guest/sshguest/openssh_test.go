package sshguest_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/guest/sshguest"
	"github.com/colabo/colabo/internal/guest/sshguest/sshtest"
	"github.com/colabo/colabo/internal/sshkey"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestOpenSSHArgs(t *testing.T) {
	args, err := sshguest.OpenSSH{
		Address: "10.77.0.10:22", User: "colabo", IdentityFile: `/home/o'b/my "project"/50% \ done/.colabo/id`,
		KnownHostsFile: "/home/me/.colabo/known_hosts", HostKeyAlias: "dev", Options: []string{"-t"},
	}.Args()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(args, "\n") + "\n"
	golden := filepath.Join("testdata", "openssh.args")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (-update rewrites it):\n%s", golden, got)
	}
	if args, err := (sshguest.OpenSSH{Address: "no-port"}).Args(); err == nil {
		t.Errorf("address without a port gave %q", args)
	}
}

// TestOpenSSHLogsIn runs the real ssh(1), with paths that its configuration would take apart.
func TestOpenSSHLogsIn(t *testing.T) {
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		if strings.Contains(os.Getenv("COLABO_REQUIRE"), "openssh") {
			t.Fatal(err)
		}
		t.Skip("OpenSSH's client is not installed")
	}
	s := sshtest.Start(t)
	dir := filepath.Join(t.TempDir(), `a "b" 50%d $HOME`)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	known, err := sshkey.KnownHosts(s.HostKey.Public, "dev")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"id": s.ClientKey.Private, "known": known + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	target := sshguest.OpenSSH{
		Address: s.Address, User: sshtest.User, IdentityFile: filepath.Join(dir, "id"),
		KnownHostsFile: filepath.Join(dir, "known"), HostKeyAlias: "dev",
	}
	line, err := sshguest.CommandLine(guest.Command{
		Argv: []string{"printf", "%s|", "it's", "$A", ""}, Env: map[string]string{"A": "x"}, Dir: "/", User: "root",
	}, sshtest.User)
	if err != nil {
		t.Fatal(err)
	}
	run := func() (string, error) {
		args, err := target.Args()
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(ssh, append(args, line)...).Output()
		return string(out), err
	}
	if out, err := run(); err != nil || out != "it's|$A||" {
		t.Errorf("got %q, %v", out, err)
	}
	s.SetHostKey(t, otherKey(t))
	if out, err := run(); err == nil {
		t.Errorf("another host was let through: %q", out)
	}
}
