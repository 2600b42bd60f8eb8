package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// jupyterFolder holds what the project's own JupyterLab is told, see its README.md.
func (w *workbook) jupyterFolder() string { return filepath.Join(w.folder(), "jupyter") }

// settings copies what JupyterLab is told to where it looks for it. Where its parts stand is the reader's affair after the first time.
func (w *workbook) settings() error {
	return w.eachSetting(func(name string, data []byte) error {
		to := filepath.Join(w.jupyter("config"), filepath.FromSlash(name))
		if _, err := os.Stat(to); err == nil && strings.HasPrefix(name, "lab/workspaces/") {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return writeFile(to, data)
	})
}

// settingsKey changes when settings would copy something else.
func (w *workbook) settingsKey() (string, error) {
	var parts []string
	err := w.eachSetting(func(name string, data []byte) error {
		parts = append(parts, name, digest(string(data)))
		return nil
	})
	return digest(parts...), err
}

func (w *workbook) eachSetting(do func(name string, data []byte) error) error {
	from := os.DirFS(w.jupyterFolder())
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".py" || path.Ext(name) == ".md" {
			return err
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return do(name, data)
	})
	if err != nil {
		return fmt.Errorf("JupyterLab's settings: %w", err)
	}
	return nil
}
