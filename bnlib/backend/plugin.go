package backend

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// kind is a kind of XLA plugin.
type kind string

const (
	cpu  kind = "cpu"
	cuda kind = "cuda"
)

// ours is the folder of the project's own plugins; deleting it undoes their installation.
func (m *machine) ours() (string, error) {
	dir, err := m.home()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "lib", "go-xla"), nil
}

// installed returns the plugins of a kind, the project's own first, then go-xla's, newest version first.
func (m *machine) installed(k kind) []string {
	var found []string
	folders := m.system
	if own, err := m.ours(); err == nil {
		folders = append([]string{own}, folders...)
	}
	for _, folder := range folders {
		var here []string
		for _, sub := range []string{folder, filepath.Join(folder, "nvidia")} {
			entries, _ := os.ReadDir(sub)
			for _, e := range entries {
				if strings.HasPrefix(e.Name(), "pjrt_c_api_"+string(k)+"_") && strings.HasSuffix(e.Name(), "plugin."+extension()) {
					here = append(here, filepath.Join(sub, e.Name()))
				}
			}
		}
		slices.Sort(here)
		slices.Reverse(here)
		found = append(found, here...)
	}
	return found
}

func extension() string {
	switch runtime.GOOS {
	case "darwin":
		return "dylib"
	case "windows":
		return "dll"
	}
	return "so"
}

// withoutCommas returns a path of the same file that a backend's configuration can hold, which is separated by commas.
func withoutCommas(path string) (string, error) {
	if !strings.Contains(path, ",") {
		return path, nil
	}
	sum := sha256.Sum256([]byte(path))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("batchnorm-%x", sum[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("backend: %w", err)
	}
	link := filepath.Join(dir, filepath.Base(path))
	if target, err := os.Readlink(link); err == nil && target == path {
		return link, nil
	}
	os.Remove(link)
	if err := os.Symlink(path, link); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("backend: %w", err)
	}
	return link, nil
}
