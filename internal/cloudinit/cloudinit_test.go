package cloudinit_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdomanski/iso9660"
	"go.yaml.in/yaml/v3"

	"github.com/colabo/colabo/internal/cloudinit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// hostKey is a throw-away key made for these tests.
var hostKey = cloudinit.HostKey{
	Private: "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n",
	Public:  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHJ1bm5pbmcgaW4gY2lyY2xlcyBhbGwgZGF5IGxv host",
}

func plain() cloudinit.Config {
	return cloudinit.Config{
		InstanceID: "i-0123", Hostname: "funtime", User: "colabo", HostKey: hostKey, MAC: "52:54:00:0a:0b:0c",
		AuthorizedKeys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxpZmUgaXMgd2hhdCBoYXBwZW5zIHdoaWxlIHlv me\n"},
	}
}

// hostile has values that mean something else to YAML 1.1, to a shell or to a line-based file.
func hostile() cloudinit.Config {
	c := plain()
	c.InstanceID = "0x1F: &anchor *alias # not a comment"
	c.Hostname = "no"
	c.User = "o'brien \"x\"\nusers: [root]\n& größe 日本 \x01\u2028"
	c.AuthorizedKeys = append(c.AuthorizedKeys, "ssh-ed25519 AAAA {\"a\": 'b'} & # %TAG ünï")
	c.MAC = "52:54:00:10:20:30" // a number in base 60, if unquoted
	c.Locale = "de_DE.UTF-8"
	c.Groups = []string{"docker", "yes", "1e3", "- x", c.User}
	return c
}

func TestGolden(t *testing.T) {
	for name, c := range map[string]cloudinit.Config{"plain": plain(), "hostile": hostile()} {
		for doc, render := range map[string]func(cloudinit.Config) ([]byte, error){
			"user-data": cloudinit.UserData, "meta-data": cloudinit.MetaData, "network-config": cloudinit.NetworkConfig,
		} {
			t.Run(name+"/"+doc, func(t *testing.T) {
				got, err := render(c)
				if err != nil {
					t.Fatal(err)
				}
				golden := filepath.Join("testdata", name+"."+doc+".yaml")
				if *update {
					if err := os.WriteFile(golden, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("differs from %s (-update rewrites it):\n%s", golden, got)
				}
			})
		}
	}
}

func TestUserDataParsesBack(t *testing.T) {
	c := hostile()
	got, err := cloudinit.UserData(c)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got, []byte("#cloud-config\n")) {
		t.Errorf("cloud-init would not know it: %.40q", got)
	}
	var back struct {
		Hostname string
		Groups   []string
		Users    []struct {
			Name   string
			Groups []string
			Keys   []string `yaml:"ssh_authorized_keys"`
		}
		SSHKeys struct {
			Private string `yaml:"ed25519_private"`
			Public  string `yaml:"ed25519_public"`
		} `yaml:"ssh_keys"`
		Files []any `yaml:"write_files"`
	}
	if err := yaml.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Users) != 1 || back.Users[0].Name != c.User {
		t.Fatalf("users: %+v, want only %q", back.Users, c.User)
	}
	if back.Hostname != "no" || back.SSHKeys.Private != hostKey.Private || back.SSHKeys.Public != hostKey.Public {
		t.Errorf("got hostname %q, keys %q", back.Hostname, back.SSHKeys)
	}
	if got, want := strings.Join(back.Groups, "|"), "docker|yes|1e3|- x"; got != want {
		t.Errorf("groups %q, want %q (not the user's own group, which useradd makes)", got, want)
	}
	if got := back.Users[0].Keys; len(got) != 2 || got[1] != c.AuthorizedKeys[1] {
		t.Errorf("authorized keys: %q", got)
	}
	if back.Files != nil {
		t.Errorf("%v would keep cloud-init from generating locale %s", back.Files, c.Locale)
	}
}

// TestUserDataUnderYAML11 holds that every value from outside is quoted, as cloud-init reads YAML 1.1.
func TestUserDataUnderYAML11(t *testing.T) {
	for _, render := range []func(cloudinit.Config) ([]byte, error){cloudinit.UserData, cloudinit.NetworkConfig} {
		got, err := render(hostile())
		if err != nil {
			t.Fatal(err)
		}
		var root yaml.Node
		if err := yaml.Unmarshal(got, &root); err != nil {
			t.Fatal(err)
		}
		outside := map[string]bool{"no": true, "yes": true, "1e3": true, "52:54:00:10:20:30": true, "docker": true}
		var walk func(*yaml.Node)
		walk = func(n *yaml.Node) {
			if n.Kind == yaml.ScalarNode && outside[n.Value] && n.Style != yaml.DoubleQuotedStyle {
				t.Errorf("line %d: %s is not quoted", n.Line, n.Value)
			}
			for _, child := range n.Content {
				walk(child)
			}
		}
		walk(&root)
	}
}

func TestRootAsUser(t *testing.T) {
	c := plain()
	c.User = "root"
	got, err := cloudinit.UserData(c)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		DisableRoot *bool `yaml:"disable_root"`
	}
	if err := yaml.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if back.DisableRoot == nil || *back.DisableRoot {
		t.Error("root is the login user, and may not log in")
	}
}

func TestRefused(t *testing.T) {
	for name, spoil := range map[string]func(*cloudinit.Config){
		"no instance id":       func(c *cloudinit.Config) { c.InstanceID = "" },
		"no hostname":          func(c *cloudinit.Config) { c.Hostname = "" },
		"no user":              func(c *cloudinit.Config) { c.User = "" },
		"no host key":          func(c *cloudinit.Config) { c.HostKey.Private = "" },
		"no authorized key":    func(c *cloudinit.Config) { c.AuthorizedKeys = nil },
		"bad MAC":              func(c *cloudinit.Config) { c.MAC = "52:54:00" },
		"not UTF-8":            func(c *cloudinit.Config) { c.Hostname = "a\xff" },
		"second key smuggled":  func(c *cloudinit.Config) { c.AuthorizedKeys = []string{"ssh-ed25519 A a\nssh-ed25519 B b"} },
		"host key of two line": func(c *cloudinit.Config) { c.HostKey.Public = "ssh-ed25519 A a\rssh-ed25519 B b" },
	} {
		t.Run(name, func(t *testing.T) {
			c := plain()
			spoil(&c)
			if image, err := cloudinit.ISO(c); err == nil || image != nil {
				t.Errorf("got %d bytes, error %v; want an error alone", len(image), err)
			}
		})
	}
}

func TestISO(t *testing.T) {
	c := hostile()
	image, err := cloudinit.ISO(c)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := iso9660.OpenImage(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	if label, err := opened.Label(); err != nil || strings.TrimSpace(label) != "cidata" {
		t.Errorf("label %q, error %v", label, err)
	}
	root, err := opened.RootDir()
	if err != nil {
		t.Fatal(err)
	}
	children, err := root.GetChildren()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{}
	want["user-data"], _ = cloudinit.UserData(c)
	want["meta-data"], _ = cloudinit.MetaData(c)
	want["network-config"], _ = cloudinit.NetworkConfig(c)
	for _, child := range children {
		got, err := io.ReadAll(child.Reader())
		if err != nil || !bytes.Equal(got, want[child.Name()]) {
			t.Errorf("%s holds %q, error %v", child.Name(), got, err)
		}
		delete(want, child.Name())
	}
	if len(want) > 0 {
		t.Errorf("missing in the image: %v", want)
	}
}

func TestISOIsDeterministic(t *testing.T) {
	first, err := cloudinit.ISO(plain())
	if err != nil {
		t.Fatal(err)
	}
	// The only times in the image are the four of the volume descriptor: with them unset, no clock is in it.
	const times = 16*2048 + 813
	if got, want := string(first[times:times+4*17]), strings.Repeat(strings.Repeat("0", 16)+"\x00", 4); got != want {
		t.Errorf("the volume descriptor's times are %q", got)
	}
	second, err := cloudinit.ISO(plain())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("equal Configs gave different images")
	}
}

// TestSchema asks cloud-init itself, where it is installed.
func TestSchema(t *testing.T) {
	tool, err := exec.LookPath("cloud-init")
	if err != nil {
		if strings.Contains(os.Getenv("COLABO_REQUIRE"), "cloud-init") {
			t.Fatal(err)
		}
		t.Skip("the tool cloud-init, which has the schema, is not installed")
	}
	for name, c := range map[string]cloudinit.Config{"plain": plain(), "hostile": hostile()} {
		t.Run(name, func(t *testing.T) {
			doc, err := cloudinit.UserData(c)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "user-data")
			if err := os.WriteFile(file, doc, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(tool, "schema", "-c", file).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s\n%s", err, out, doc)
			}
		})
	}
}
