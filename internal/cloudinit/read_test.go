package cloudinit

import (
	"bytes"
	"testing"
)

func TestReadISOReturnsWhatWentIn(t *testing.T) {
	config := Config{
		InstanceID: "colabo-0123456789ab-XYZ", Hostname: "dev", User: "colabo", MAC: "52:54:00:12:34:56",
		AuthorizedKeys: []string{"ssh-ed25519 AAAA colabo"}, Groups: []string{"docker"},
		HostKey: HostKey{Private: "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n", Public: "ssh-ed25519 BBBB colabo dev"},
	}
	image, err := ISO(config)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadISO(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{InstanceID: config.InstanceID, User: config.User, HostKey: config.HostKey}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestReadISOOfRubbish: a seed that somebody wrote over is an error, wherever it is cut or changed.
func TestReadISOOfRubbish(t *testing.T) {
	config := Config{
		InstanceID: "i", Hostname: "dev", User: "colabo", MAC: "52:54:00:12:34:56",
		AuthorizedKeys: []string{"ssh-ed25519 AAAA colabo"}, HostKey: HostKey{Private: "private\n", Public: "ssh-ed25519 BBBB"},
	}
	image, err := ISO(config)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(image); cut += 1024 {
		if _, err := ReadISO(bytes.NewReader(image[:cut])); err == nil && cut < 16*2048 {
			t.Errorf("an image of %d bytes was read", cut)
		}
	}
	for at := 16 * 2048; at < len(image); at += 97 {
		broken := bytes.Clone(image)
		broken[at] ^= 0xff
		_, _ = ReadISO(bytes.NewReader(broken)) // any answer but a panic
	}
	if _, err := ReadISO(bytes.NewReader(nil)); err == nil {
		t.Error("an empty image was read")
	}
}
