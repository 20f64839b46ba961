// Package colabofile turns a Colabofile (TOML) into a Project: decode, defaults, variables, validation.
// Every problem is reported with its position, all of them at once. Nothing in the file is run.
package colabofile

import (
	"time"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/provisioners"
)

// Project is a decoded and validated Colabofile.
type Project struct {
	File     string // absolute path of the Colabofile
	Dir      string // its folder
	Name     string
	Provider string     // "auto" or a provider's name
	Machines []*Machine // in the file's order, never empty
	// Settings holds the [provider.NAME] blocks, of the types that the Kinds' Settings make.
	Settings map[string]any
	// Secrets are those under [secrets], by name. One that is only used, as ${secret.NAME}, comes from the environment.
	Secrets map[string]Secret

	source *source
}

// Secret says where the value of ${secret.NAME} comes from; COLABO_SECRET_NAME in the environment wins over both.
// Nothing is read or run when a Colabofile is loaded.
type Secret struct {
	File    string `toml:"file" doc:"path of a file with the value; its last line break is no part of it"`
	Command Argv   `toml:"command" doc:"prints the value; a string is run by sh -c, in the Colabofile's folder"`
	Pos     Position
}

// Ref is a reference whose value is not known when the file is loaded: ${secret.NAME} or ${machine.NAME.ip}. Strings keep it as it
// is written, "${secret.NAME}", until Project.Resolve.
type Ref struct {
	Space string // "secret" or "machine"
	Name  string // of the secret or the machine
}

// The spaces of references.
const (
	SecretSpace  = "secret"
	MachineSpace = "machine"
)

// String is the reference as it is written.
func (r Ref) String() string {
	if r.Space == MachineSpace {
		return "${machine." + r.Name + ".ip}"
	}
	return "${" + r.Space + "." + r.Name + "}"
}

// Condition is how far a machine has to be before another one that depends on it begins.
type Condition string

// The conditions, each includes those before it.
const (
	Started     Condition = "started"     // the guest answers
	Provisioned Condition = "provisioned" // all its steps are through
	Healthy     Condition = "healthy"     // its checks pass; without checks: provisioned
)

// Dependency is one machine that has to be there before. A ${machine.X.ip} implies one on X, Started.
type Dependency struct {
	Machine   string
	Condition Condition
	Pos       Position
}

// Machine is one [machine.NAME], defaults applied.
type Machine struct {
	Name     string
	Provider string            `toml:"provider" doc:"runs this machine instead of the project's provider"` // "" means the project's
	Box      string            `toml:"box" default:"debian-12" doc:"what the machine starts from: a catalog name, name@version, a path, docker://IMAGE"`
	Hostname string            `toml:"hostname" doc:"default: the machine's name"`
	CPUs     int               `toml:"cpus" doc:"default: the provider's"`
	Memory   Size              `toml:"memory" doc:"such as \"2GiB\"; default: the provider's"`
	Disk     Size              `toml:"disk" doc:"size of the root disk; default: the box's"`
	User     string            `toml:"user" default:"colabo" doc:"the login user: key only, with sudo"`
	Primary  bool              `toml:"primary" doc:"the machine that is meant when none is named"`
	Ports    []Port            // from `ports`
	Env      map[string]string `toml:"env" doc:"environment of provision steps and logins"`
	Message  string            `toml:"message" doc:"printed at the end of up"`
	Steps    []Step            // from [[provision]]
	Checks   []Check           // from [[check]]
	// Options holds the [machine.NAME.PROVIDER] blocks, of the types that the Kinds' Options make.
	Options map[string]any
	// Needs are the dependencies, those that references imply included, each machine once.
	Needs []Dependency
	// Refs are the references in env and message; a step's and a check's are its own.
	Refs []Ref
	Pos  Position
}

// Step is one [[machine.X.provision]].
type Step struct {
	Type string
	Name string    `toml:"name" doc:"for --provision-with and logs"` // unique in its machine; made from the type where the file gives none: "shell", "shell-2"
	Run  RunPolicy `toml:"run" enum:"changed,once,always,never" default:"changed" doc:"when the step runs"`
	// Sensitive hides the output of the step's tools.
	Sensitive bool `toml:"sensitive" doc:"hide what the step's tools print"`
	Spec      provisioners.Step
	Refs      []Ref
	Pos       Position
}

// RunPolicy says when a step runs.
type RunPolicy string

// The run policies.
const (
	RunChanged RunPolicy = "changed" // when it never succeeded or its inputs changed
	RunOnce    RunPolicy = "once"    // until it succeeded once on this machine
	RunAlways  RunPolicy = "always"
	RunNever   RunPolicy = "never" // only when asked for by name
)

// Check is one [[machine.X.check]]; exactly one of HTTP, TCP and Command is set. It is made from inside the guest.
type Check struct {
	HTTP     string        `toml:"http" doc:"URL; any status below 400 passes"`
	TCP      string        `toml:"tcp" doc:"host:port that takes a connection"`
	Command  Argv          `toml:"command" doc:"exit status 0 passes; a string is run by sh -c"`
	Timeout  time.Duration `toml:"timeout" default:"60s" doc:"how long up waits for it"`
	Interval time.Duration `toml:"interval" default:"1s" doc:"time between two tries"`
	Refs     []Ref
	Pos      Position
}

// Argv is a command and its arguments; a string in the file is run by sh -c.
type Argv []string

// Port is one element of `ports`.
type Port struct {
	providers.Port
	AutoCorrect bool
	Pos         Position
}

// Size is a number of bytes, written "2GiB" or "512MB".
type Size int64

// Position is a place in a Colabofile; Line and Column count from 1, Column in characters. File is as the user would
// type it: relative to the working directory where that is shorter.
type Position struct {
	File         string
	Line, Column int
}
