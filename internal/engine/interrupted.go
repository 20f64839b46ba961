package engine

import (
	"context"
	"errors"
)

// InterruptedError is a command that the user ended before it was through.
type InterruptedError struct {
	Left string // what is left, for people: "dev created, web not created"
	Err  error  // what else went wrong before, errors joined; nil when nothing did
}

// Error says what is left.
func (e *InterruptedError) Error() string { return "interrupted; left: " + e.Left }

// Unwrap returns context.Canceled, and what else went wrong.
func (e *InterruptedError) Unwrap() []error {
	if e.Err == nil {
		return []error{context.Canceled}
	}
	return []error{context.Canceled, e.Err}
}

// interrupted is the error of a command whose ctx ended. Of the problems those are kept that are not the interruption itself.
func interrupted(ctx context.Context, left string, problems []error) error {
	var others []error
	for _, err := range problems {
		if err != nil && !errors.Is(err, ctx.Err()) && !errors.Is(err, context.Cause(ctx)) {
			others = append(others, err)
		}
	}
	return &InterruptedError{Left: left, Err: errors.Join(others...)}
}
