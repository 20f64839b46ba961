// Package provisioners says what a provision step is. Each type of step is a package below this folder; none knows of a
// provider: a step sees the guest, and the container engine that serves the machine.
package provisioners

import (
	"context"
	"io"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// Step is one [[machine.X.provision]] of some type: a struct whose exported fields have toml tags, filled by
// internal/colabofile. Its JSON encoding, with the content of its Files, is the hash by which the journal knows it.
type Step interface {
	// Validate says all that is wrong with the step before anything is made: missing files, keys that exclude each other.
	// dir is the folder of the Colabofile. It reads, and runs nothing.
	Validate(dir string) []Problem
	// Files lists the files whose content the step reads on the host, absolute or relative to dir.
	// A folder that the step reads is listed file by file, in a stable order.
	Files(dir string) ([]string, error)
	// Run brings the machine to what the step says. It is idempotent: a run that was cut off is simply run again.
	Run(ctx context.Context, target Target) error
}

// PortPublisher is implemented by steps whose services are to be reached on the developer's localhost.
type PortPublisher interface {
	// PublishedPorts are added to the machine's own.
	PublishedPorts() []providers.Port
}

// Drifter is implemented by steps whose result somebody else may undo: a container removed or stopped behind our back.
type Drifter interface {
	// Drift says why a step that succeeded, and whose inputs are the same, has to run again; "" when it has not. It looks,
	// and changes nothing; Target.Containers installs no engine then, and its error means that there is none.
	Drift(ctx context.Context, target Target) (reason string, err error)
}

// Problem is one thing wrong with a step; Key is the toml key it is about, "seed[1]" for an element of a list.
type Problem struct {
	Key  string
	Text string
}

// Kind is one type of step, as the program lists it.
type Kind struct {
	Type string
	// New returns a pointer to an empty step.
	New func() Step
	// Remove removes what a step of this type and of the name Target.Step left running in the machine, when the step is no
	// longer in the Colabofile. Idempotent. nil: such a step leaves nothing running.
	Remove func(ctx context.Context, target Target) error
}

// Target is the machine that a step works on.
type Target struct {
	Guest   guest.Guest
	Project string // the project's name
	Machine string
	Step    string // the step's name
	Dir     string // the Colabofile's folder, absolute
	User    string // the login user
	Env     map[string]string
	// Output receives what the step's tools print, line by line; Progress says what the step does now.
	Output   io.Writer
	Progress func(text string)
	// Containers returns the engine that serves the machine; it installs one in a VM that has none.
	// The engine is the same for every step of an `up`.
	Containers func(ctx context.Context) (providers.ContainerEngine, error)
}
