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
}

// Machine is one [machine.NAME], defaults applied.
type Machine struct {
	Name      string
	Provider  string // "" means the project's
	Box       string
	Hostname  string
	CPUs      int
	Memory    Size
	Disk      Size
	User      string
	Primary   bool
	DependsOn []string
	Ports     []Port
	Env       map[string]string
	Message   string
	Steps     []Step
	Checks    []Check
	// Options holds the [machine.NAME.PROVIDER] blocks, of the types that the Kinds' Options make.
	Options map[string]any
	Pos     Position
}

// Step is one [[machine.X.provision]].
type Step struct {
	Type string
	Name string // unique in its machine; made from the type where the file gives none: "shell", "shell-2"
	Run  RunPolicy
	Spec provisioners.Step
	Pos  Position
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
	HTTP     string        // URL; any status below 400 passes
	TCP      string        // host:port
	Command  []string      // exit status 0 passes; a string in the file is run by sh -c
	Timeout  time.Duration // default 60s
	Interval time.Duration // default 1s
	Pos      Position
}

// Port is one element of `ports`.
type Port struct {
	providers.Port
	AutoCorrect bool
	Pos         Position
}

// Size is a number of bytes, written "2GiB" or "512MB".
type Size int64

// Position is a place in a Colabofile; Line and Column count from 1, Column in characters.
type Position struct {
	File         string
	Line, Column int
}
