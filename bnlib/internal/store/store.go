// Package store keeps arrays, and a head that says what they are, by key, in a folder. It never lies: what it returns is
// what was put, bit for bit, or there is an error.
//
// Each key is one file in the safetensors format, which Python's safetensors reads as well. What can go wrong, and what
// becomes of it:
//   - A writer dies, or the machine does: a file is written under another name, flushed to the disk, and only then renamed,
//     so that a key has all of it or nothing. What a dead writer leaves is swept later.
//   - The disk is full, or the folder cannot be written: Put says so and leaves nothing behind.
//   - The folder is removed while programs run: Put makes it again.
//   - A bit flips, a file is cut off, overwritten, or renamed to another key: checksums over the header and over each array
//     find it. The file is set aside and the reader told, by a [*DamagedError], which is not [ErrMissing]: to make the
//     entry anew is the caller's decision. So it is with what is no file: a folder, a pipe, a device.
//   - Several processes, on several machines, use one folder: there are no locks. A key stands for its content, so whoever
//     renames last changes nothing.
//   - A clock jumps: times only decide what is pruned or swept, and a writer whose part was swept writes once more. A time
//     that lies in the future is taken for now.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Store is a folder of entries. Its methods may be called from several goroutines, and by several processes on one folder.
type Store struct {
	Dir string // made by Put where it is missing

	sweepOnce sync.Once
}

// Names of files: the key, then one of these.
const (
	entrySuffix = ".safetensors"
	asideSuffix = ".damaged" // set aside by a reader; the latest one of a key is kept until it is pruned
	partSuffix  = ".part"    // being written; between the key and the suffix is a random number
)

// ErrMissing says that a store has no entry under a key.
var ErrMissing = errors.New("no such entry")

// DamagedError reports an entry whose file is not what was put.
type DamagedError struct {
	Key   string
	Found string // what is wrong with the file
	Aside string // where the file is now; empty if it could not be set aside, see Err
	Err   error  // why the file could not be set aside; it will be found again by the next reader
}

func (e *DamagedError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("store: entry %s is damaged: %s; it cannot be set aside: %v", e.Key, e.Found, e.Err)
	}
	return fmt.Sprintf("store: entry %s is damaged: %s; set aside as %s", e.Key, e.Found, e.Aside)
}

// Unwrap returns why the file could not be set aside.
func (e *DamagedError) Unwrap() error { return e.Err }

const maxKey = 128

// path returns the file of a key with one of the suffixes. Keys are lower case, since some file systems do not tell the cases
// apart, and cannot name another folder.
func (s *Store) path(key, suffix string) (string, error) {
	if !validKey(key) {
		return "", fmt.Errorf("store: key is %q; allowed: 1 to %d of 0 to 9, a to f and, not first, -", key, maxKey)
	}
	return filepath.Join(s.Dir, key+suffix), nil
}

func validKey(key string) bool {
	return key != "" && len(key) <= maxKey && key[0] != '-' && strings.Trim(key, "0123456789abcdef-") == ""
}

// Put stores head and arrays under key, replacing what is there. When it returns nil they are on the disk; otherwise the key
// has what it had, unless it is only the flush of the folder that failed.
//
// The head is any JSON, in UTF-8; since JSON has neither NaN nor infinities, numbers that may be one belong in an array, where
// every bit is kept. Names of arrays are not empty, in UTF-8, and differ.
func (s *Store) Put(key string, head json.RawMessage, arrays []Array) error {
	path, err := s.path(key, entrySuffix)
	if err != nil {
		return err
	}
	content, err := encode(key, head, arrays)
	if err != nil {
		return fmt.Errorf("store: entry %s: %w", key, err)
	}
	s.sweepOnce.Do(s.sweep)
	if err := write(path, content); err != nil {
		return fmt.Errorf("store: entry %s is not stored: %w", key, err)
	}
	return nil
}

// Peek is Head, but no use in the sense of [Store.Prune].
func (s *Store) Peek(key string) (head json.RawMessage, err error) {
	path, err := s.path(key, entrySuffix)
	if err != nil {
		return nil, err
	}
	_, err = s.read(key, path, func(f *file) error {
		head = f.head
		return nil
	})
	return head, err
}

// Head returns the head of an entry, as it was put. It reads and verifies the header of the file and its length, but not the
// arrays. The error wraps [ErrMissing] or is a [*DamagedError] or says why the file cannot be read.
func (s *Store) Head(key string) (head json.RawMessage, err error) {
	err = s.use(key, func(f *file) error {
		head = f.head
		return nil
	})
	return head, err
}

// Get returns the head and the arrays of an entry, as they were put: the named ones, in that order, or, without names, all of
// them, those of eight-byte numbers first. It verifies what it reads: the header, the length of the file, and the arrays it
// returns. Errors are those of Head; a name that the entry does not have is one too.
func (s *Store) Get(key string, names ...string) (head json.RawMessage, arrays []Array, err error) {
	err = s.use(key, func(f *file) error {
		tensors, err := f.tensors()
		if err != nil {
			return err
		}
		if len(names) > 0 {
			if tensors, err = choose(tensors, names); err != nil {
				return err
			}
		}
		arrays = make([]Array, len(tensors))
		for i, t := range tensors {
			if arrays[i], err = f.array(t); err != nil {
				return err
			}
		}
		head = f.head
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return head, arrays, nil
}

// Keys returns the keys of all entries, sorted. What is under them is not verified.
func (s *Store) Keys() ([]string, error) {
	files, err := s.names(entrySuffix)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, f := range files {
		keys = append(keys, f.Key)
	}
	slices.Sort(keys) // names of files sort otherwise: - comes before the point, digits after it
	return keys, nil
}

// Delete removes an entry. The error wraps [ErrMissing] if there is none.
func (s *Store) Delete(key string) error {
	path, err := s.path(key, entrySuffix)
	if err != nil {
		return err
	}
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("store: entry %s: %w", key, ErrMissing)
	case err != nil:
		return fmt.Errorf("store: entry %s: %w", key, err)
	}
	return nil
}

// use reads an entry, and says that it was used, see [Store.Prune].
func (s *Store) use(key string, read func(*file) error) error {
	path, err := s.path(key, entrySuffix)
	if err != nil {
		return err
	}
	info, err := s.read(key, path, read)
	if err != nil {
		return err
	}
	markUsed(path, info)
	return nil
}

// read opens the file of key, verifies its header, and lets read go on. A file in which damage is found is set aside.
func (s *Store) read(key, path string, read func(*file) error) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // to open a pipe is to wait for its writer
		return nil, s.setAside(key, path, info, fmt.Sprintf("it is no file (%v)", info.Mode()))
	}
	var opened *os.File
	if err == nil {
		opened, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: entry %s: %w", key, ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("store: entry %s: %w", key, err)
	}
	defer opened.Close()
	if info, err = opened.Stat(); err != nil {
		return nil, fmt.Errorf("store: entry %s: %w", key, err)
	}
	content, err := open(opened, info.Size(), key)
	if err == nil {
		err = read(content)
	}
	var d damage
	switch {
	case errors.As(err, &d):
		return nil, s.setAside(key, path, info, string(d))
	case err != nil:
		return nil, fmt.Errorf("store: entry %s: %w", key, err)
	}
	return info, nil
}

// setAside renames the damaged file of a key, so that nobody reads it again, unless another process has replaced or removed it
// by now.
func (s *Store) setAside(key, path string, damaged fs.FileInfo, found string) error {
	e := &DamagedError{Key: key, Found: found, Aside: filepath.Join(s.Dir, key+asideSuffix)}
	now, err := os.Stat(path)
	if err == nil && os.SameFile(now, damaged) {
		err = os.Rename(path, e.Aside)
		// A folder cannot take the place of a file.
		if err != nil && !errors.Is(err, fs.ErrNotExist) && os.Remove(e.Aside) == nil {
			err = os.Rename(path, e.Aside)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.Aside, e.Err = "", err
	}
	return e
}
