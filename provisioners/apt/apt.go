// Package apt is how steps install packages of a Debian-like distribution in the guest: a shell function that they put
// in front of their own script, so that installing costs no round trip of its own.
package apt

import _ "embed" // for the script

// Function is the text of the POSIX shell function apt_install. It runs as root, reads nothing from the script's
// standard input, and returns apt-get's status.
//
//go:embed install.sh
var Function string
