package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// write makes content the file at path, all of it or nothing, and returns when it is on the disk. It makes the folder where it
// is missing. The file's permissions are 0644 less the umask.
//
// It is what google/renameio does, and flushes the folder as well, without which a machine that fails may forget the rename.
func write(path string, content []byte) error {
	var err error
	// The folder may be removed meanwhile, and a writer that was stopped for long finds its part swept: then once more.
	for range 3 {
		if err = makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		if err = replace(path, content); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

// makeDir is os.MkdirAll, and returns when the names of the folders that it makes are on the disk.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func replace(path string, content []byte) (err error) {
	part := fmt.Sprintf("%s.%016x%s", strings.TrimSuffix(path, entrySuffix), rand.Uint64(), partSuffix)
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(part)
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil { // a network's file system may find only now that its disk is full
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir flushes the names in a folder to the disk, on file systems that can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// partAge is the age from which on the part of a file is taken for a dead writer's. Writing one takes seconds at most. Age is
// the only sign that holds on a folder which several machines and containers share: a process number does not name a
// process there, and locks may not be seen. A writer that was only asleep writes its part again.
const partAge = time.Hour

// sweep removes what dead writers left. What cannot be removed costs nothing but room.
func (s *Store) sweep() {
	files, _ := s.files(partSuffix)
	present(files)
	for _, f := range files {
		if time.Since(f.Used) > partAge {
			os.Remove(f.path)
		}
	}
}
