package backend

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// kind is a kind of XLA plugin.
type kind string

const (
	cpu  kind = "cpu"
	cuda kind = "cuda"
)

// pluginFile matches what go-xla takes for a plugin; the only group is the kind, with or without a version.
var pluginFile = regexp.MustCompile(`^(?:pjrt_c_api_(.+)_plugin|pjrt[-_]plugin[-_](.+))\.(?:so|dylib|dll)$`)

// ours is the folder of the project's own plugins; deleting it undoes their installation.
func (m *world) ours() (string, error) {
	dir, err := m.home()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "lib", "go-xla"), nil
}

// installed returns the plugins of a kind, the project's own first. Within a folder the version that go-xla was tested with
// comes first, then the others by name.
func (m *world) installed(k kind) []string {
	var found []string
	folders := m.system
	if own, err := m.ours(); err == nil {
		folders = append([]string{own}, folders...)
	}
	for _, folder := range folders {
		for _, sub := range []string{folder, filepath.Join(folder, "nvidia")} {
			var tested, others []string
			entries, _ := os.ReadDir(sub)
			for _, e := range entries {
				match := pluginFile.FindStringSubmatch(e.Name())
				if match == nil {
					continue
				}
				name := match[1] + match[2]
				switch path := filepath.Join(sub, e.Name()); {
				case name == string(k)+"_"+testedVersion:
					tested = append(tested, path)
				case name == string(k), strings.HasPrefix(name, string(k)+"_"):
					others = append(others, path)
				}
			}
			slices.Reverse(others)
			found = append(append(found, tested...), others...)
		}
	}
	return found
}

// inside reports whether a file lies in a folder or below it.
func inside(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return folder != "" && err == nil && filepath.IsLocal(rel)
}

// whole reports a library that was cut off, or is one for another processor. The dynamic loader maps a cut-off one without
// complaint, and the process dies when it touches what is not there.
func whole(path string) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	f, err := elf.Open(path) // reads the section headers, which linkers put last
	if err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	defer f.Close()
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]; f.Machine != want {
		return fmt.Errorf("%s is for %v, this machine is %v", path, f.Machine, want)
	}
	return nil
}

// realPath holds the paths of plugins that go by a plain name.
var realPath sync.Map

// plainName returns an absolute path of a plugin by which go-xla can open it: a backend's configuration is separated by
// commas, and go-xla guesses from the whole path whether a plugin is for a GPU; XLA's flags, which hold the path of the GPU's
// libraries, are separated by spaces. Where the path itself won't do it is one through a symbolic link.
func plainName(k kind, path string) (name string, done func(), err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", nil, fmt.Errorf("backend: %w", err)
	}
	if plain(k, path) {
		return path, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "batchnorm-") // nobody else can put something there
	if err != nil {
		return "", nil, fmt.Errorf("backend: %w", err)
	}
	done = func() { os.RemoveAll(dir) }
	if k == cuda {
		// The plugin finds its libraries beside it, and later ones when it needs them: link all of them, to stay.
		nvidia := filepath.Dir(path)
		err = os.Symlink(filepath.Dir(nvidia), filepath.Join(dir, "lib"))
		name = filepath.Join(dir, "lib", filepath.Base(nvidia), filepath.Base(path))
		done = func() {}
	} else {
		name = filepath.Join(dir, "pjrt_c_api_cpu_plugin"+filepath.Ext(path))
		err = os.Symlink(path, name)
	}
	if err == nil && !plain(k, name) {
		err = fmt.Errorf("no path without commas, spaces and names of processors leads to %s: move it, or set TMPDIR to a folder with a plain name", path)
	}
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("backend: %w", err)
	}
	realPath.Store(name, path)
	return name, done, nil
}

// plain reports whether go-xla can open a plugin of the kind by this path, and takes it for one of its kind.
func plain(k kind, path string) bool {
	upper := strings.ToUpper(path)
	if strings.Contains(upper, "AMD") || strings.Contains(upper, "ROCM") {
		return false // taken for a plugin of AMD's GPUs
	}
	if k == cuda {
		return !strings.ContainsAny(path, ", \t") && !strings.Contains(upper, "CPU")
	}
	return !strings.Contains(path, ",") && !strings.Contains(upper, "CUDA") && !strings.Contains(upper, "NVIDIA") &&
		strings.Contains(upper, "CPU")
}
