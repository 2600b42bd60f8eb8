//go:build linux || darwin

package main

import "syscall"

// freeSpace returns how many bytes this user may still write to the disk of a folder; not ok: the system does not say.
func freeSpace(dir string) (free uint64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return uint64(s.Bavail) * uint64(s.Bsize), true
}
