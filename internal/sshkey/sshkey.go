// Package sshkey makes and reads the ed25519 key pairs that colabo logs in with and gives to guests as host keys.
// It holds the text forms (PEM, authorized_keys, known_hosts) and writes no files.
package sshkey

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Pair is an ed25519 key pair.
type Pair struct {
	Private string // PEM in OpenSSH's own format, unencrypted; ends with a line break
	Public  string // a line of authorized_keys(5), without a line break
}

// New makes a key pair. The comment is the end of the public line; it must be one line.
func New(comment string) (Pair, error) {
	if strings.ContainsAny(comment, "\r\n") {
		return Pair{}, fmt.Errorf("make ssh key: comment %q has more than one line", comment)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make ssh key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return Pair{}, fmt.Errorf("make ssh key: %w", err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return Pair{}, fmt.Errorf("make ssh key: %w", err)
	}
	return Pair{Private: string(pem.EncodeToMemory(block)), Public: line(key, comment)}, nil
}

// Public returns the authorized_keys(5) line of a private key in PEM form, so that a lost public half can be made again.
func Public(private []byte, comment string) (string, error) {
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("read ssh key: %w", err)
	}
	return line(signer.PublicKey(), comment), nil
}

// Parse reads a line of authorized_keys(5). Anything but one ed25519 key is an error.
func Parse(public string) (ssh.PublicKey, error) {
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(public))
	if err != nil {
		return nil, fmt.Errorf("read public ssh key: %w", err)
	}
	if len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errors.New("read public ssh key: more than one line")
	}
	if key.Type() != ssh.KeyAlgoED25519 {
		return nil, fmt.Errorf("read public ssh key: %s, want %s", key.Type(), ssh.KeyAlgoED25519)
	}
	return key, nil
}

// KnownHosts returns the known_hosts line (without a line break) that accepts only this public key for the hosts.
// A host is a name or an address, with a port where that is not 22: "10.77.0.10", "127.0.0.1:2222", "[::1]:22".
func KnownHosts(public string, hosts ...string) (string, error) {
	key, err := Parse(public)
	if err != nil {
		return "", err
	}
	if len(hosts) == 0 {
		return "", errors.New("make known_hosts line: no host")
	}
	for _, host := range hosts {
		if host == "" || strings.ContainsAny(host, " \t\r\n,*?!|#") {
			return "", fmt.Errorf("make known_hosts line: bad host %q", host)
		}
	}
	return knownhosts.Line(hosts, key), nil
}

func line(key ssh.PublicKey, comment string) string {
	public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	if comment != "" {
		public += " " + comment
	}
	return public
}
