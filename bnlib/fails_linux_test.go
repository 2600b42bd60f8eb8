package bnlib

import (
	"os"
	"syscall"
	"testing"
)

// storesThatFail returns stores that cannot be written to: one whose folder cannot be made and, for root, one on a full disk.
func storesThatFail(t *testing.T) map[string]*Store {
	stores := map[string]*Store{"a file in the folder's place": unwritable(t)}
	if os.Getuid() != 0 {
		return stores
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"); err != nil {
		t.Logf("no full disk: %v", err)
		return stores
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	stores["a full disk"] = &Store{Dir: dir}
	return stores
}
