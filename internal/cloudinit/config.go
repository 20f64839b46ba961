// Package cloudinit makes what a guest's cloud-init is given at its first boot: the NoCloud documents
// user-data, meta-data and network-config, and the ISO image (label "cidata") that carries them.
//
// The documents come from typed values through a YAML encoder, so that no name can break out of its place.
package cloudinit

// Config says what the guest is to become.
type Config struct {
	// InstanceID makes cloud-init run its once-per-instance part; a new machine has a new one.
	InstanceID string
	Hostname   string
	User       string // login user: sudo without a password, key only
	// AuthorizedKeys are lines as in authorized_keys(5).
	AuthorizedKeys []string
	// HostKey is the guest's ssh host key, made by us so that the first connection is verified already.
	HostKey HostKey
	// MAC is the first network card's; it gets its address by DHCP and the name "eth0".
	MAC    string
	Locale string   // "" is C.UTF-8
	Groups []string // made when missing; User is put into them
}

// HostKey is an ed25519 key pair: the private key in OpenSSH's PEM form, the public one as a line of authorized_keys(5).
type HostKey struct{ Private, Public string }
