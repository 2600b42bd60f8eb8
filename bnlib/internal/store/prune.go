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

// File is a file of a store.
type File struct {
	Key  string
	Size int64
	Used time.Time // when its entry was last put or read, to about an hour

	path, suffix string
}

// Damaged reports whether it was set aside by a reader who found damage.
func (f File) Damaged() bool { return f.suffix == asideSuffix }

// Part reports whether it is being written, or its writer died.
func (f File) Part() bool { return f.suffix == partSuffix }

// Files returns the store's files: its entries, what was set aside, and what is being written. A folder that is missing has none.
func (s *Store) Files() ([]File, error) { return s.files(entrySuffix, asideSuffix, partSuffix) }

// Size returns the size of the store: of all Files.
func (s *Store) Size() (Size, error) {
	files, err := s.Files()
	return sizeOf(files), err
}

func sizeOf(files []File) (size Size) {
	for _, f := range files {
		size.Files++
		size.Bytes += f.Size
	}
	return size
}

// Excess returns the files beyond limits, which Prune would remove.
func (s *Store) Excess(limits Limits) ([]File, error) {
	if limits.Bytes < 0 || limits.Age < 0 {
		return nil, fmt.Errorf("store: limits are %d bytes and %v; allowed: 0, for none, or more", limits.Bytes, limits.Age)
	}
	files, err := s.files(entrySuffix, asideSuffix)
	if err != nil {
		return nil, err
	}
	present(files)
	slices.SortFunc(files, func(a, b File) int { return cmp.Or(a.Used.Compare(b.Used), strings.Compare(a.path, b.path)) })
	left := sizeOf(files).Bytes
	for i, f := range files {
		tooOld := limits.Age > 0 && time.Since(f.Used) > limits.Age
		tooMuch := limits.Bytes > 0 && left > limits.Bytes
		if !tooOld && !tooMuch {
			return files[:i], nil
		}
		left -= f.Size
	}
	return files, nil
}

// Prune removes files, those first whose last use is longest ago, until the store is within the limits, and returns what it
// removed. The time of the last use is known to about an hour; what was set aside was last used before that. Nothing is lost
// by pruning but the time to make an entry anew; an entry that is being read meanwhile is read to its end.
func (s *Store) Prune(limits Limits) (removed Size, err error) {
	excess, err := s.Excess(limits)
	if err != nil {
		return removed, err
	}
	s.sweep()
	var errs []error
	for _, f := range excess {
		switch err := os.Remove(f.path); {
		case err == nil:
			removed.Files++
			removed.Bytes += f.Size
		case !errors.Is(err, fs.ErrNotExist): // unless another process was faster
			errs = append(errs, fmt.Errorf("store: pruning: %w", err))
		}
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

// names returns the files in the store's folder that have one of the suffixes, by name alone.
func (s *Store) names(suffixes ...string) ([]File, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var files []File
	for _, entry := range entries {
		f := File{path: filepath.Join(s.Dir, entry.Name()), suffix: filepath.Ext(entry.Name())}
		f.Key = strings.TrimSuffix(entry.Name(), f.suffix)
		if f.suffix == partSuffix {
			f.Key = strings.TrimSuffix(f.Key, filepath.Ext(f.Key))
		}
		if slices.Contains(suffixes, f.suffix) && validKey(f.Key) && !entry.IsDir() {
			files = append(files, f)
		}
	}
	return files, nil
}

// files is names with what the file system says of each, which takes most of the time in a large store.
func (s *Store) files(suffixes ...string) ([]File, error) {
	named, err := s.names(suffixes...)
	if err != nil {
		return nil, err
	}
	files := named[:0]
	for _, f := range named {
		info, err := os.Lstat(f.path)
		if errors.Is(err, fs.ErrNotExist) { // removed since
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		f.Size, f.Used = info.Size(), info.ModTime()
		files = append(files, f)
	}
	return files, nil
}

// useInterval is how exactly the time of an entry's last use is known. As in cmd/go's cache, the modification time of the
// file stands for it, and is not written at every use.
const useInterval = time.Hour

func markUsed(path string, info fs.FileInfo) {
	if now := time.Now(); now.Sub(info.ModTime()).Abs() >= useInterval {
		os.Chtimes(path, now, now) // a folder that cannot be written is not pruned either
	}
}

// present takes a time in the future, which a clock that was wrong has written, for now, and writes that down: or the file would be
// kept until then.
func present(files []File) {
	now := time.Now()
	for i, f := range files {
		if f.Used.Sub(now) >= useInterval {
			os.Chtimes(f.path, now, now)
			files[i].Used = now
		}
	}
}
