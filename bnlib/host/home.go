// Package host knows the machine that the project is a guest on: the folder for what it installs and what runs leave behind, a
// Python to build on, and how to get what is missing.
package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// DirEnv names the environment variable that overrides the folder.
const DirEnv = "BATCHNORM_HOME"

// Dir returns the project's own folder, absolute, created if needed: $BATCHNORM_HOME if set; else .batchnorm beside the
// go.mod of the clone that the working directory lies in; else batchnorm in the user's cache directory.
// Deleting the folder undoes every installation and forgets every run.
func Dir() (string, error) {
	dir := os.Getenv(DirEnv)
	if dir == "" {
		if root, err := Root(); err == nil {
			dir = filepath.Join(root, ".batchnorm")
		} else {
			cache, err := os.UserCacheDir()
			if err != nil {
				return "", fmt.Errorf("host: no folder to keep files in: outside the clone, %s not set, and %w", DirEnv, err)
			}
			dir = filepath.Join(cache, "batchnorm")
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("host: cannot create the folder (set %s to one that can be written): %w", DirEnv, err)
	}
	return dir, nil
}

// Root returns the top folder of the clone that the working directory lies in: the nearest one above with this
// module's go.mod.
func Root() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module batchnorm\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("host: %s is not inside a clone of the workbook (no go.mod of module batchnorm above it)", wd)
		}
	}
}
