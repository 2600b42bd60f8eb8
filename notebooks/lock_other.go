//go:build !unix

package main

import (
	"errors"
	"os"
)

// lockFile fails: without the lock nothing is swept.
func lockFile(*os.File) error { return errors.ErrUnsupported }
