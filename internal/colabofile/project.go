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
	Local    string // absolute path of the Colabofile.local that is merged over it, or ""
	Dir      string // its folder
	Name     string
	Provider string     // "auto" or a provider's name
	Machines []*Machine // in the file's order, never empty
	// Settings holds the [provider.NAME] blocks, of the types that the Kinds' Settings make.
	Settings map[string]any
	// Secrets are those under [secrets], by name. One that is only used, as ${secret.NAME}, comes from the environment.
	Secrets map[string]Secret

	origin origins
}

// file has the keys that a Colabofile begins with.
type file struct {
	Name      string             `toml:"name" doc:"what the project is called; default: the folder's name"`
	Provider  providerChoice     `toml:"provider" default:"auto" doc:"what runs the machines: auto or a provider's name; or a table, see below. --provider and COLABO_PROVIDER win"`
	Variables map[string]scalar  `toml:"variables" doc:"what ${var.NAME} stands for; --var NAME=VALUE wins over COLABO_VAR_NAME, and that over this"`
	Secrets   map[string]Secret  `toml:"secrets" doc:"where the values of ${secret.NAME} come from; COLABO_SECRET_NAME wins over this"`
	Defaults  Machine            `toml:"defaults" doc:"what machines have in common; a machine's own keys win, env and the providers' blocks are merged key by key"`
	Machine   map[string]Machine `toml:"machine" doc:"the machines, by name: lower-case letters, digits and -; they keep the order of the file"`
}

// Types that only stand for what a key may hold.
type (
	providerChoice string // a provider's name, or [provider]
	scalar         string // a string, a number, true or false
)

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
	Space string // SecretSpace or MachineSpace
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
	Machine   string    `toml:"machine" doc:"the machine that has to be there first"`
	Condition Condition `toml:"condition" enum:"started,provisioned,healthy" default:"healthy" doc:"how far it has to be: the guest answers, all its steps are through, or its checks pass as well"`
	Pos       Position
}

// Machine is one [machine.NAME], defaults applied.
type Machine struct {
	Name     string
	Provider string            `toml:"provider" doc:"runs this machine instead of the project's provider"` // "" means the project's
	Box      string            `toml:"box" default:"debian-12" doc:"what the machine starts from: a catalog name, name@version, a path, docker://IMAGE"`
	Hostname string            `toml:"hostname" doc:"the machine's name inside of it; default: that in the Colabofile"`
	CPUs     int               `toml:"cpus" doc:"processors; default: the provider's"`
	Memory   Size              `toml:"memory" doc:"main memory, 64MiB at least; default: the provider's"`
	Disk     Size              `toml:"disk" doc:"size of the root disk; default: the box's"`
	User     string            `toml:"user" default:"colabo" doc:"the login user: key only, with sudo"`
	Primary  bool              `toml:"primary" doc:"the machine that is meant when none is named"`
	Needs    []Dependency      `toml:"depends_on" doc:"machines that have to be there first"` // those that references imply included, each machine once
	Ports    []Port            `toml:"ports" doc:"ports of this host that lead into the machine"`
	Env      map[string]string `toml:"env" doc:"environment of provision steps and logins"`
	Message  string            `toml:"message" doc:"printed at the end of up"`
	Steps    []Step            `toml:"provision" doc:"what is done to the machine, in the file's order"`
	Checks   []Check           `toml:"check" doc:"what has to hold before the machine is healthy; up waits for it"`
	// Options holds the [machine.NAME.PROVIDER] blocks, of the types that the Kinds' Options make.
	Options map[string]any
	// Refs are the references in env and message; a step's and a check's are its own. Those whose values Resolve put in are among them.
	Refs []Ref
	Pos  Position
}

// Step is one [[machine.X.provision]].
type Step struct {
	Type string    `toml:"type" doc:"what kind of step it is"`
	Name string    `toml:"name" doc:"for --provision-with and logs; default: the type"` // unique in its machine; made from the type where the file gives none: "shell", "shell-2"
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
