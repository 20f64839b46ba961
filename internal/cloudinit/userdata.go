package cloudinit

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// userData is the part of a "#cloud-config" document that colabo uses.
type userData struct {
	Hostname            text       `yaml:"hostname"`
	PreserveHostname    bool       `yaml:"preserve_hostname"`
	ManageEtcHosts      string     `yaml:"manage_etc_hosts"`
	Groups              []text     `yaml:"groups,omitempty"`
	Users               []user     `yaml:"users"`
	DisableRoot         bool       `yaml:"disable_root"`
	SSHPasswordAuth     bool       `yaml:"ssh_pwauth"`
	SSHDeleteKeys       bool       `yaml:"ssh_deletekeys"`
	SSHKeys             hostKeys   `yaml:"ssh_keys"`
	SSH                 sshConsole `yaml:"ssh"`
	NoSSHFingerprints   bool       `yaml:"no_ssh_fingerprints"`
	Growpart            growpart   `yaml:"growpart"`
	ResizeRootfs        bool       `yaml:"resize_rootfs"`
	Locale              text       `yaml:"locale"`
	WriteFiles          []file     `yaml:"write_files,omitempty"`
	Apt                 apt        `yaml:"apt"`
	PackageUpdate       bool       `yaml:"package_update"`
	PackageUpgrade      bool       `yaml:"package_upgrade"`
	PackageRebootNeeded bool       `yaml:"package_reboot_if_required"`
}

type user struct {
	Name           text   `yaml:"name"`
	Groups         []text `yaml:"groups,omitempty"`
	Sudo           string `yaml:"sudo,omitempty"`
	Shell          string `yaml:"shell"`
	LockPassword   bool   `yaml:"lock_passwd"`
	AuthorizedKeys []text `yaml:"ssh_authorized_keys,omitempty"`
}

type hostKeys struct {
	Private string `yaml:"ed25519_private"`
	Public  text   `yaml:"ed25519_public"`
}

type sshConsole struct {
	EmitKeys bool `yaml:"emit_keys_to_console"`
}

type growpart struct {
	Mode    string   `yaml:"mode"`
	Devices []string `yaml:"devices"`
}

type file struct {
	Path        string `yaml:"path"`
	Permissions text   `yaml:"permissions"`
	Content     string `yaml:"content"`
}

type apt struct {
	PreserveSourcesList bool `yaml:"preserve_sources_list"`
}

// text is a value that comes from outside. It is always quoted, so that neither YAML 1.1 (which cloud-init reads:
// "no", "52:54:00:10:20:30") nor a line break can make something else of it.
type text string

// MarshalYAML writes the value as a double-quoted scalar.
func (t text) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: string(t)}, nil
}

func texts(values []string) []text {
	var out []text
	for _, v := range values {
		out = append(out, text(v))
	}
	return out
}

// UserData returns the "#cloud-config" document for c. Equal Configs give equal bytes.
func UserData(c Config) ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("make user-data: %w", err)
	}
	// useradd makes the group of the same name itself and fails when it is there already.
	groups := slices.DeleteFunc(slices.Clone(c.Groups), func(g string) bool { return g == c.User })
	login := user{
		Name: text(c.User), Groups: texts(groups), Sudo: "ALL=(ALL:ALL) NOPASSWD:ALL", Shell: "/bin/bash",
		LockPassword: true, AuthorizedKeys: texts(trimmed(c.AuthorizedKeys)),
	}
	locale := c.Locale
	if locale == "" {
		locale = "C.UTF-8"
	}
	return document("#cloud-config\n", userData{
		Hostname:       text(c.Hostname),
		ManageEtcHosts: "localhost", // one line for our name; the rest of the file stays the image's
		Groups:         texts(groups),
		Users:          []user{login},
		DisableRoot:    c.User != "root",
		SSHDeleteKeys:  true, // an image's own host keys are known to everyone who has the image
		SSHKeys:        hostKeys{Private: c.HostKey.Private, Public: text(strings.TrimSpace(c.HostKey.Public))},
		// Nobody reads fingerprints off the console: we know the key.
		NoSSHFingerprints: true,
		Growpart:          growpart{Mode: "auto", Devices: []string{"/"}},
		ResizeRootfs:      true,
		Locale:            text(locale),
		WriteFiles:        localeFile(locale),
		Apt:               apt{PreserveSourcesList: true},
	})
}

// localeFile sets a locale that needs no generation before cloud-init's locale module runs. That module then finds
// nothing to do; else it would call update-locale, which an image without the package "locales" does not have.
func localeFile(locale string) []file {
	switch strings.ToLower(locale) {
	case "c", "c.utf-8", "posix":
		return []file{{Path: "/etc/default/locale", Permissions: "0644", Content: "LANG=" + locale + "\n"}}
	}
	return nil
}

// document is v as YAML below a header.
func document(header string, v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(header)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("encode YAML: %w", err)
	}
	return b.Bytes(), nil
}

// validate refuses a Config that would make a guest nobody can reach, and values that no encoder can carry whole.
func (c Config) validate() error {
	required := []struct{ name, value string }{
		{"instance id", c.InstanceID}, {"hostname", c.Hostname}, {"user", c.User},
		{"private host key", c.HostKey.Private}, {"public host key", c.HostKey.Public},
	}
	for _, r := range required {
		if r.value == "" {
			return fmt.Errorf("no %s", r.name)
		}
	}
	if len(c.AuthorizedKeys) == 0 {
		return errors.New("no authorized key")
	}
	if _, err := net.ParseMAC(c.MAC); err != nil {
		return fmt.Errorf("network card: %w", err)
	}
	all := append([]string{c.InstanceID, c.Hostname, c.User, c.HostKey.Private, c.HostKey.Public, c.Locale}, c.Groups...)
	for _, v := range append(all, c.AuthorizedKeys...) {
		if !utf8.ValidString(v) {
			return fmt.Errorf("%q is not UTF-8", v)
		}
	}
	for _, line := range append([]string{c.HostKey.Public}, c.AuthorizedKeys...) {
		if strings.ContainsAny(strings.TrimSpace(line), "\r\n") {
			return fmt.Errorf("public key %q has more than one line", line)
		}
	}
	return nil
}

func trimmed(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, strings.TrimSpace(line))
	}
	return out
}
