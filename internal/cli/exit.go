package cli

import (
	"context"
	"errors"

	"github.com/colabo/colabo/boxes"
	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/providers"
)

// Exit codes, the same for every command. `ssh` and `exec` pass on the remote command's own.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitColabofile  = 3
	exitUnavailable = 4
	exitNotFound    = 5
	exitProvision   = 6
	exitCheck       = 7
	exitInterrupted = 130
	exitUnread      = 141 // nobody reads the output any more; what a shell says of a process that SIGPIPE ended

	exitChanges = 2 // of plan --detailed-exitcode
)

// errChanges is plan's way to say that there are changes; nothing is printed for it.
var errChanges = errors.New("there are changes")

// usageError is a command line that can't be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if remote, ok := errors.AsType[*remoteExit](err); ok {
		return remote.code
	}
	for _, row := range exitTable {
		if row.is(err) {
			return row.code
		}
	}
	return exitFailed
}

// exitTable is looked through from the top: what the user has to mend first comes first.
var exitTable = []struct {
	code int
	is   func(error) bool
}{
	{exitInterrupted, isError(context.Canceled)},
	{exitChanges, isError(errChanges)},
	{exitUsage, isType[usageError]},
	{exitUsage, isType[*colabofile.UndeclaredError]},
	{exitColabofile, isType[colabofile.Problems]},
	{exitColabofile, isError(colabofile.ErrNotFound)},
	{exitColabofile, isError(colabofile.ErrUnusable)},
	{exitUnavailable, isError(providers.ErrUnavailable)},
	{exitProvision, isType[*engine.ProvisionError]},
	{exitCheck, isType[*engine.CheckError]},
	{exitNotFound, isError(providers.ErrNotFound)},
	{exitNotFound, isError(boxes.ErrNotFound)},
}

func isError(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isType[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// remoteExit passes a remote command's exit code on; nothing is printed for it.
type remoteExit struct{ code int }

func (e *remoteExit) Error() string { return "the remote command did not succeed" }

// passOn turns a remote command's failure into its exit code.
func passOn(err error) error {
	if exit, ok := errors.AsType[*guest.ExitError](err); ok {
		return &remoteExit{code: exit.Code}
	}
	return err
}
