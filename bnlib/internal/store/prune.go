package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Size is a number of files and their bytes together.
type Size struct {
	Files int
	Bytes int64
}

// Limits bound a store. A limit of zero is none.
type Limits struct {
	Bytes int64         // of all files of the store together
	Age   time.Duration // since an entry was last put or read
}

// Size returns the size of the store: its entries, what was set aside, and what is being written.
func (s *Store) Size() (Size, error) {
	var size Size
	files, err := s.files()
	for _, f := range files {
		size.Files++
		size.Bytes += f.size
	}
	return size, err
}

// Prune removes files, those first whose last use is longest ago, until the store is within the limits, and returns what it
// removed. The time of the last use is known to about an hour; what was set aside was last used before that. Nothing is lost
// by pruning but the time to make an entry anew; an entry that is being read meanwhile is read to its end.
func (s *Store) Prune(limits Limits) (removed Size, err error) {
	if limits.Bytes < 0 || limits.Age < 0 {
		return removed, fmt.Errorf("store: limits are %d bytes and %v; allowed: 0, for none, or more", limits.Bytes, limits.Age)
	}
	s.sweep()
	files, err := s.files()
	if err != nil {
		return removed, err
	}
	files = slices.DeleteFunc(files, func(f stored) bool { return f.suffix == partSuffix })
	slices.SortFunc(files, func(a, b stored) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path)) })
	var left int64
	for _, f := range files {
		left += f.size
	}
	var errs []error
	for _, f := range files {
		tooOld := limits.Age > 0 && time.Since(f.used) > limits.Age
		tooMuch := limits.Bytes > 0 && left > limits.Bytes
		if !tooOld && !tooMuch {
			break
		}
		switch err := os.Remove(f.path); {
		case err == nil:
			removed.Files++
			removed.Bytes += f.size
		case !errors.Is(err, fs.ErrNotExist): // unless another process was faster
			errs = append(errs, fmt.Errorf("store: pruning: %w", err))
			continue
		}
		left -= f.size
	}
	return removed, errors.Join(errs...)
}

// Verify reads every entry, as Get does, sets aside those that are damaged, and returns how many were sound and what was found
// of the others. It is no use in the sense of Prune. The error is that of ctx, or of entries that could not be read.
func (s *Store) Verify(ctx context.Context) (sound int, found []*DamagedError, err error) {
	keys, err := s.Keys()
	if err != nil {
		return 0, nil, err
	}
	var errs []error
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return sound, found, errors.Join(append(errs, err)...)
		}
		_, err := s.read(key, filepath.Join(s.Dir, key+entrySuffix), func(f *file) error {
			tensors, err := f.tensors()
			for i := 0; i < len(tensors) && err == nil; i++ {
				_, err = f.array(tensors[i])
			}
			return err
		})
		var d *DamagedError
		switch {
		case err == nil:
			sound++
		case errors.As(err, &d):
			found = append(found, d)
		case !errors.Is(err, ErrMissing): // unless another process has removed it
			errs = append(errs, err)
		}
	}
	return sound, found, errors.Join(errs...)
}

// stored is a file of a store.
type stored struct {
	path, key, suffix string
	size              int64
	used              time.Time
}

// files returns the files in the store's folder that are the store's. A folder that is missing has none.
func (s *Store) files() ([]stored, error) {
	names, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var files []stored
	for _, name := range names {
		f := stored{path: filepath.Join(s.Dir, name.Name()), suffix: filepath.Ext(name.Name())}
		f.key = strings.TrimSuffix(name.Name(), f.suffix)
		if f.suffix == partSuffix {
			f.key = strings.TrimSuffix(f.key, filepath.Ext(f.key))
		}
		if !validKey(f.key) || !slices.Contains([]string{entrySuffix, asideSuffix, partSuffix}, f.suffix) || name.IsDir() {
			continue
		}
		info, err := name.Info()
		if errors.Is(err, fs.ErrNotExist) { // removed since
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		f.size, f.used = info.Size(), info.ModTime()
		files = append(files, f)
	}
	return files, nil
}

// useInterval is how exactly the time of an entry's last use is known. As in cmd/go's cache, the modification time of the
// file stands for it, and is not written at every use.
const useInterval = time.Hour

func markUsed(path string, info fs.FileInfo) {
	if now := time.Now(); now.Sub(info.ModTime()) >= useInterval {
		os.Chtimes(path, now, now) // a folder that cannot be written is not pruned either
	}
}
