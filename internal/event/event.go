// Package event holds what the engine says while it works. Engine and providers emit events; only internal/ui knows how they look.
//
// The JSON form is what `--json` prints, one object a line; fields are only ever added to it.
package event

import "time"

// Type is the kind of an event.
type Type string

// The types of events.
const (
	Begin   Type = "begin"   // a stage begins
	Done    Type = "done"    // a stage ended well
	Failed  Type = "failed"  // a stage ended with an error, in Text
	Skipped Type = "skipped" // a stage was not needed; Text says why
	Detail  Type = "detail"  // what the running stage does right now
	Output  Type = "output"  // a line that a tool of the stage printed
	Notice  Type = "notice"  // something the user should know
	Warning Type = "warning" // something the user should look at
)

// Event is one thing that happened.
type Event struct {
	Time    time.Time     `json:"time"`
	Type    Type          `json:"type"`
	Machine string        `json:"machine,omitempty"` // "" for the project as a whole
	Stage   string        `json:"stage,omitempty"`   // "create", "start", "connect", "step db", "check"
	Text    string        `json:"text,omitempty"`
	Elapsed time.Duration `json:"elapsed_ns,omitempty"` // of the stage, with Done and Failed
}

// Sink receives events; it may be called from several goroutines at once and does not keep the caller waiting for long.
type Sink func(Event)
