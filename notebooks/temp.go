package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// temp is a folder for what kernels, cells and compilers leave behind. It goes with the program that it was made for; if that is
// killed, when the next one is made.
type temp struct {
	dir  string
	lock *os.File // held by this process and by the program; nil where the system has no locks, which leaves the folder of one that is killed
}

// tempPattern begins with a short word, for the path of a socket in the folder may not be long.
const tempPattern = "lab-*"

// lockName is what tells our folders from those of others.
const lockName = "batchnorm.lock"

func newTemp() (*temp, error) {
	sweepTemp()
	dir, err := os.MkdirTemp("", tempPattern)
	if err != nil {
		return nil, err
	}
	t := &temp{dir: dir}
	lock, err := os.CreateTemp(dir, "lock-*")
	if err != nil {
		t.remove()
		return nil, err
	}
	// It has its name only once it is held: one that nobody holds is a dead program's.
	if lockFile(lock) != nil || os.Rename(lock.Name(), filepath.Join(dir, lockName)) != nil {
		lock.Close()
		return t, nil
	}
	t.lock = lock
	return t, nil
}

// inherited is what the program must be given to hold the lock, too: it may live longer than this process.
func (t *temp) inherited() []*os.File {
	if t.lock == nil {
		return nil
	}
	return []*os.File{t.lock}
}

// env is what makes the program use the folder.
func (t *temp) env() string { return "TMPDIR=" + t.dir }

func (t *temp) remove() {
	if t.lock != nil {
		t.lock.Close()
	}
	os.RemoveAll(t.dir)
}

// sweepTemp removes the folders of programs that were killed: those whose lock nobody holds.
func sweepTemp() {
	locks, _ := filepath.Glob(filepath.Join(globEscape(os.TempDir()), tempPattern, lockName))
	for _, path := range locks {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // another user's
		}
		if lockFile(f) == nil {
			os.RemoveAll(filepath.Dir(path))
		}
		f.Close()
	}
}

// runtimeAge is how long Jupyter's notes of running servers and kernels are kept, which stay behind where one is killed.
const runtimeAge = 30 * 24 * time.Hour

// sweepRuntime removes notes that are older.
func (w *workbook) sweepRuntime() error {
	for _, pattern := range []string{"kernel-*.json", "jpserver-*", "nbserver-*"} {
		paths, err := filepath.Glob(filepath.Join(globEscape(w.runtime()), pattern))
		if err != nil {
			return fmt.Errorf("sweeping: %w", err)
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > runtimeAge {
				os.Remove(path)
			}
		}
	}
	return nil
}
