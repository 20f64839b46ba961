// Package hint attaches to an error the one thing a user can do about it.
//
// The hint is data, not part of the message: internal/ui prints it on a line of its own, and --json gives it a field of its own.
package hint

import "errors"

// Error is an error with one thing to do about it.
type Error struct {
	Err  error
	Hint string // an instruction, no full stop: "run `virsh start x`"
}

// New wraps err with a hint. It returns nil when err is nil.
func New(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Hint: hint}
}

// Error returns the message without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error that the hint belongs to.
func (e *Error) Unwrap() error { return e.Err }

// Of returns the outermost hint in err's chain, or "".
func Of(err error) string {
	if h, ok := errors.AsType[*Error](err); ok {
		return h.Hint
	}
	return ""
}
