package sshkey_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/colabo/colabo/internal/sshkey"
)

func TestNewGivesAMatchingPair(t *testing.T) {
	pair, err := sshkey.New("funtime & co")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey([]byte(pair.Private))
	if err != nil {
		t.Fatal(err)
	}
	public, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(pair.Public))
	if err != nil {
		t.Fatal(err)
	}
	if string(public.Marshal()) != string(signer.PublicKey().Marshal()) {
		t.Error("the halves are of different keys")
	}
	if comment != "funtime & co" || strings.ContainsAny(pair.Public, "\r\n") {
		t.Errorf("public line %q", pair.Public)
	}
	again, err := sshkey.Public([]byte(pair.Private), "funtime & co")
	if err != nil || again != pair.Public {
		t.Errorf("Public gave %q, error %v; want %q", again, err, pair.Public)
	}
	other, err := sshkey.New("funtime & co")
	if err != nil || other.Private == pair.Private {
		t.Errorf("two keys are the same (error %v)", err)
	}
}

func TestRefused(t *testing.T) {
	pair, err := sshkey.New("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sshkey.New("a\nssh-ed25519 B b"); err == nil {
		t.Error("a comment of two lines was taken")
	}
	ecdsa := "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="
	for _, bad := range []string{"", "nonsense", ecdsa, pair.Public + "\n" + pair.Public} {
		if _, err := sshkey.Parse(bad); err == nil {
			t.Errorf("%q was taken for a key", bad)
		}
	}
	for _, host := range []string{"", "a b", "*", "!a", "a,b", "a\n@cert-authority *"} {
		if line, err := sshkey.KnownHosts(pair.Public, host); err == nil {
			t.Errorf("host %q gave %q", host, line)
		}
	}
}

func TestKnownHostsIsUnderstood(t *testing.T) {
	pair, err := sshkey.New("a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := sshkey.New("b")
	if err != nil {
		t.Fatal(err)
	}
	line, err := sshkey.KnownHosts(pair.Public, "127.0.0.1:2222", "dev")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check, err := knownhosts.New(file)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := parse(t, pair.Public), parse(t, other.Public)
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2222}
	for _, host := range []string{"127.0.0.1:2222", "dev:22"} {
		if err := check(host, addr, ours); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if err := check(host, addr, theirs); err == nil {
			t.Errorf("%s: another key was taken", host)
		}
	}
}

func parse(t *testing.T, public string) ssh.PublicKey {
	t.Helper()
	key, err := sshkey.Parse(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
