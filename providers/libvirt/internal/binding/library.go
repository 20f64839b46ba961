// Package binding calls libvirt's C library (libvirt.so.0), loaded at run time, without cgo.
//
// Types, methods, constants and their meaning are those of libvirt's official Go binding (libvirt.org/go/libvirt), as
// far as the provider needs them; the one addition is Library, so that a program that never opens a connection loads
// nothing. Objects are reference counted by libvirt: who gets one calls Free, and a Connect is closed.
// All methods may be called from several goroutines.
package binding

import (
	"fmt"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// SharedObject is the file name of libvirt's client library; its version has not changed in libvirt's life.
const SharedObject = "libvirt.so.0"

// Library is the loaded C library.
type Library struct {
	symbols symbols
}

// handle is a pointer to one of libvirt's own objects; Go never looks behind it.
type handle uintptr

// Load loads the library. It stays loaded until the process ends: libvirt has threads of its own.
// An error means that the library is missing, or too old to be used.
func Load(file string) (*Library, error) {
	// Lazy binding: a third less time, of which loading takes most of an Open.
	lib, err := purego.Dlopen(file, purego.RTLD_LAZY|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", file, err)
	}
	l := &Library{}
	table := reflect.ValueOf(&l.symbols).Elem()
	for i := range table.NumField() {
		name := table.Type().Field(i).Tag.Get("c")
		address, err := purego.Dlsym(lib, name)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", file, err)
		}
		purego.RegisterFunc(table.Field(i).Addr().Interface(), address)
	}
	// Without a handler libvirt prints every error to stderr. virResetError(NULL) does nothing, and is a handler that
	// needs no Go code to run on libvirt's threads.
	silent, err := purego.Dlsym(lib, "virResetError")
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", file, err)
	}
	l.symbols.SetErrorFunc(0, silent)
	if l.symbols.Initialize() < 0 {
		return nil, fmt.Errorf("load %s: virInitialize did not succeed", file)
	}
	return l, nil
}

// check runs one call of the C library, and returns libvirt's error when call says that it did not succeed.
// libvirt keeps the error of the last call per thread, hence the locked one.
func (l *Library) check(call func() bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if call() {
		return nil
	}
	return l.lastError()
}

// object runs a call that returns a new object, or NULL with an error.
func (l *Library) object(call func() handle) (handle, error) {
	var h handle
	err := l.check(func() bool {
		h = call()
		return h != 0
	})
	return h, err
}

// status runs a call that returns a negative number with an error.
func (l *Library) status(call func() int32) (int, error) {
	var n int32
	err := l.check(func() bool {
		n = call()
		return n >= 0
	})
	return int(n), err
}

// text runs a call that returns a string which the caller has to free, or NULL with an error.
func (l *Library) text(call func() *byte) (string, error) {
	var s string
	err := l.check(func() bool {
		p := call()
		if p == nil {
			return false
		}
		s = goString(p)
		l.symbols.Free(unsafe.Pointer(p))
		return true
	})
	return s, err
}

// list runs a call that makes an array of objects, which the caller has to free, and returns their number.
func (l *Library) list(call func(array **handle) int32) ([]handle, error) {
	var array *handle
	n, err := l.status(func() int32 { return call(&array) })
	if err != nil {
		return nil, err
	}
	all := make([]handle, n)
	copy(all, unsafe.Slice(array, n))
	l.symbols.Free(unsafe.Pointer(array))
	return all, nil
}

// goString copies a C string; nil is "".
func goString(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// optional is a C string for calls that take NULL for "not given", which is what "" becomes.
func optional(s string) *byte {
	if s == "" {
		return nil
	}
	return &append([]byte(s), 0)[0]
}
