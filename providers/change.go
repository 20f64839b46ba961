package providers

import "context"

// Change is what it takes to give a machine that is there another value of a key of the Colabofile.
type Change string

// The classes of changes, from the cheapest to the dearest.
const (
	// Ignored: the key means nothing on this provider.
	Ignored Change = "ignored"
	// Live: the machine has it at once, and runs on.
	Live Change = "live"
	// Restart: the machine is stopped, changed and started; what is on its disk stays.
	Restart Change = "restart"
	// Recreate: only a machine made anew has it; what is on the old one's disk is lost.
	Recreate Change = "recreate"
)

// Cost orders the classes: a set of changes costs as much as its dearest one.
func (c Change) Cost() int {
	switch c {
	case Live:
		return 1
	case Restart:
		return 2
	case Recreate:
		return 3
	case Ignored:
	}
	return 0
}

// MachineKeys are the keys of [machine.X] that a machine is made with; each Kind.Changes has all of them.
func MachineKeys() []string {
	return []string{"box", "hostname", "cpus", "memory", "disk", "user", "ports", "env"}
}

// Modifier is implemented by providers that can change a machine that is there.
type Modifier interface {
	// Modify brings a machine to the Spec, as far as the provider's Kind.Changes calls the difference live or restart. Live
	// differences hold at once. For others the caller stops the machine before, and starts it afterwards. The Spec's
	// Image may be empty: the machine keeps the one that it was made from. Idempotent: one that was cut off is simply made again. ErrNotFound.
	Modify(ctx context.Context, spec Spec, report Report) error
	// Differs finds what somebody else changed: by key of Kind.Changes, in what a machine that is there differs from what
	// Create or Modify would make of it: "memory": "is 512MiB, not 1GiB". It looks at the Spec's ID, CPUs, Memory and
	// Options only, and, as "network", at whether a running machine still is on its network. ErrNotFound.
	Differs(ctx context.Context, spec Spec) (map[string]string, error)
}
