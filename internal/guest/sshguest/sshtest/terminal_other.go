//go:build !linux

package sshtest

import (
	"errors"
	"os"
)

func openTerminal() (ours, theirs *os.File, err error) { return nil, nil, errors.ErrUnsupported }

func resize(*os.File, windowSize) error { return errors.ErrUnsupported }
