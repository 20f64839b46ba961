package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/colabo/colabo/internal/sshkey"
)

// LoginKeyPath is where the project's private login key is.
func (f *Folder) LoginKeyPath() string { return f.Path("keys", "id_ed25519") }

// KnownHostsPath is a known_hosts file with the key of every machine, under the name HostAlias gives.
func (f *Folder) KnownHostsPath() string { return f.Path("known_hosts") }

// HostAlias is the name by which a machine stands in the known_hosts file.
func HostAlias(machine string) string { return "colabo-" + machine }

// LoginKey returns the key pair by which colabo logs in to the project's machines; it is made when it is missing.
func (f *Folder) LoginKey(project string) (sshkey.Pair, error) {
	return f.key(f.LoginKeyPath(), "colabo "+project)
}

// HostKey returns the machine's ssh host key; it is made when it is missing.
func (f *Folder) HostKey(machine string) (sshkey.Pair, error) {
	return f.key(f.hostKeyPath(machine), "colabo "+machine)
}

// SaveHostKey keeps the host key that a machine has already; its private key in PEM form is enough.
func (f *Folder) SaveHostKey(machine, private string) error {
	if err := f.Make(); err != nil {
		return err
	}
	public, err := sshkey.Public([]byte(private), "colabo "+machine)
	if err != nil {
		return err
	}
	if err := f.write(f.hostKeyPath(machine)+".pub", []byte(public+"\n")); err != nil {
		return err
	}
	return f.write(f.hostKeyPath(machine), []byte(private))
}

func (f *Folder) hostKeyPath(machine string) string { return f.Path("keys", "host_"+machine) }

func (f *Folder) key(path, comment string) (sshkey.Pair, error) {
	private, err := os.ReadFile(path)
	if err == nil {
		public, err := sshkey.Public(private, comment)
		if err != nil {
			return sshkey.Pair{}, fmt.Errorf("read key %s: %w", path, err)
		}
		return sshkey.Pair{Private: string(private), Public: public}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return sshkey.Pair{}, fmt.Errorf("read key: %w", err)
	}
	pair, err := sshkey.New(comment)
	if err != nil {
		return sshkey.Pair{}, err
	}
	// The public half is for people and other programs; colabo itself goes by the private one.
	if err := f.write(path+".pub", []byte(pair.Public+"\n")); err != nil {
		return sshkey.Pair{}, err
	}
	return pair, f.write(path, []byte(pair.Private))
}

// SaveKnownHosts writes the known_hosts file for the machines whose host keys exist.
func (f *Folder) SaveKnownHosts(machines []string) error {
	var lines strings.Builder
	for _, name := range machines {
		public, err := os.ReadFile(f.hostKeyPath(name) + ".pub")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read host key: %w", err)
		}
		fields := strings.Fields(string(public))
		fmt.Fprintf(&lines, "%s %s\n", HostAlias(name), strings.Join(fields[:min(2, len(fields))], " "))
	}
	return f.write(f.KnownHostsPath(), []byte(lines.String()))
}
