package cloudinit

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/kdomanski/iso9660"
	"go.yaml.in/yaml/v3"
)

// maxDocument is how large a document of a seed may be, in bytes; ours have a few thousand.
const maxDocument = 1 << 20

// Identity is what tells a guest from others, and what has to be known of it to go on with it.
type Identity struct {
	InstanceID string
	User       string // the login user
	HostKey    HostKey
}

// ReadISO reads the identity out of a seed image that ISO made. The image is taken for hostile: it may have been replaced.
func ReadISO(image io.ReaderAt) (identity Identity, err error) {
	defer func() {
		if cause := recover(); cause != nil { // the library trusts the lengths that it reads
			err = fmt.Errorf("read seed image: it is broken: %v", cause)
		}
	}()
	opened, err := iso9660.OpenImage(image)
	if err != nil {
		return Identity{}, fmt.Errorf("read seed image: %w", err)
	}
	root, err := opened.RootDir()
	if err != nil {
		return Identity{}, fmt.Errorf("read seed image: %w", err)
	}
	files, err := root.GetChildren()
	if err != nil {
		return Identity{}, fmt.Errorf("read seed image: %w", err)
	}
	var meta struct {
		InstanceID string `yaml:"instance-id"`
	}
	var data struct {
		Users []struct {
			Name string `yaml:"name"`
		} `yaml:"users"`
		SSHKeys struct {
			Private string `yaml:"ed25519_private"`
			Public  string `yaml:"ed25519_public"`
		} `yaml:"ssh_keys"`
	}
	if err := errors.Join(readDocument(files, "meta-data", &meta), readDocument(files, "user-data", &data)); err != nil {
		return Identity{}, fmt.Errorf("read seed image: %w", err)
	}
	identity = Identity{InstanceID: meta.InstanceID, HostKey: HostKey{Private: data.SSHKeys.Private, Public: data.SSHKeys.Public}}
	for _, user := range data.Users {
		identity.User = user.Name
	}
	if identity.InstanceID == "" || identity.User == "" || identity.HostKey.Private == "" {
		return Identity{}, errors.New("read seed image: it has no instance-id, no user or no host key")
	}
	return identity, nil
}

// readDocument decodes one file of a seed.
func readDocument(files []*iso9660.File, name string, into any) error {
	at := slices.IndexFunc(files, func(f *iso9660.File) bool { return f.Name() == name })
	if at < 0 {
		return fmt.Errorf("there is no %s", name)
	}
	content, err := io.ReadAll(io.LimitReader(files[at].Reader(), maxDocument))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
