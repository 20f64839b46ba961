package providers

// Health is how one thing is that a provider needs of this host.
type Health string

// The states of health.
const (
	Good Health = "good"
	Warn Health = "warn" // it works, less well than it could
	Bad  Health = "bad"  // the provider can't be used
)

// Finding is one thing that a provider needs of this host, and how it is.
type Finding struct {
	Subject string // "daemon", "kvm", "disk space"
	Health  Health
	Text    string // what was found, one line
	Fix     string // the command that mends it; "" where it is Good or nothing does
}
