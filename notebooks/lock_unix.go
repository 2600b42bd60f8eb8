//go:build unix

package main

import (
	"os"
	"syscall"
)

// lockFile takes the lock of an open file, or fails at once. Processes that inherit the file hold the lock, too, and the operating system
// frees it when the last of them is gone.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
