package binding

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrorNumber is libvirt's number of an error.
type ErrorNumber int

// ErrorDomain is the part of libvirt that an error comes from.
type ErrorDomain int

// Error is an error of libvirt. It unwraps to the system call's syscall.Errno where one did not succeed, so that
// errors.Is finds syscall.ENOSPC, fs.ErrNotExist and the like, whatever the language of the message.
type Error struct {
	Code    ErrorNumber
	Domain  ErrorDomain
	Message string
	// Errno is the system's error number where Code is ERR_SYSTEM_ERROR.
	Errno syscall.Errno
}

// Error returns libvirt's own message.
func (e Error) Error() string { return e.Message }

// Unwrap returns the system's error, or nil.
func (e Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// HasCode says whether err's chain holds an Error with one of the codes.
func HasCode(err error, codes ...ErrorNumber) bool {
	e, ok := errors.AsType[Error](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if e.Code == code {
			return true
		}
	}
	return false
}

// lastError is the error of this thread's last call.
func (l *Library) lastError() error {
	e := l.symbols.GetLastError()
	if e == nil || e.code == 0 {
		return Error{Code: ERR_INTERNAL_ERROR, Message: "libvirt gave no reason"}
	}
	found := Error{Code: ErrorNumber(e.code), Domain: ErrorDomain(e.domain), Message: goString(e.message)}
	if found.Message == "" {
		found.Message = fmt.Sprintf("libvirt error %d", e.code)
	}
	if found.Code == ERR_SYSTEM_ERROR && e.int1 > 0 {
		found.Errno = syscall.Errno(e.int1)
	}
	return found
}
