package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// findCache sees to it that the go command has a build cache that can be written, as it needs for every cell. One that cannot be,
// such as a whole one in an image, is shown to it through symbolic links in a folder among temporary files: what it has is
// found, and what is new lies beside the links.
func (w *workbook) findCache(ctx context.Context) error {
	const name = "GOCACHE"
	cache := goEnv(ctx, w.root, name)
	if cache == "" || writable(cache) == nil {
		return nil // or none: the go command has more to say on that
	}
	folder, err := private("go-build")
	if err == nil {
		err = linkAll(cache, folder)
	}
	if err != nil {
		return fmt.Errorf("the build cache of Go, %s=%s, cannot be written, nor one in its place: %w", name, cache, err)
	}
	return os.Setenv(name, folder)
}

// linkAll makes links in a folder to all the entries of a build cache, which lie in one level of folders.
func linkAll(cache, folder string) error {
	entries, err := filepath.Glob(filepath.Join(globEscape(cache), "[0-9a-f][0-9a-f]", "*"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		dir := filepath.Join(folder, filepath.Base(filepath.Dir(entry)))
		link := filepath.Join(dir, filepath.Base(entry))
		err := os.Symlink(entry, link)
		if errors.Is(err, fs.ErrNotExist) {
			if err = os.Mkdir(dir, 0o700); err == nil {
				err = os.Symlink(entry, link)
			}
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
