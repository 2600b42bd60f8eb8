package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"batchnorm/bnlib/host"
)

// workbook knows where everything of this clone lies.
type workbook struct {
	root string // of the clone
	home string // what set-up installs
	work string // the reader's own folder, see workEnv; empty: pages lie in the clone, and what runs leave behind in home
	out  io.Writer
}

// open finds the clone that the working directory lies in, and the reader's folder.
func open(out io.Writer) (*workbook, error) {
	root, err := host.Root()
	if err != nil {
		return nil, err
	}
	dir, err := host.Dir()
	if err != nil {
		return nil, err
	}
	w := &workbook{root: root, home: dir, out: out}
	return w, w.findWork()
}

func (w *workbook) folder() string             { return filepath.Join(w.root, "notebooks") }
func (w *workbook) venv() string               { return filepath.Join(w.home, "venv") }
func (w *workbook) python() string             { return w.packages().Python() }
func (w *workbook) bin() string                { return filepath.Join(w.home, "bin") }
func (w *workbook) jupyter(part string) string { return filepath.Join(w.state(), "jupyter", part) }
func (w *workbook) lsp() string                { return filepath.Join(w.home, "lsp") }
func (w *workbook) kernel(data string) string {
	return filepath.Join(w.jupyter(data), "kernels", "gonb", "kernel.json")
}
func (w *workbook) notebook(name string) string { return filepath.Join(w.pages(), name+".ipynb") }
func (w *workbook) log(step string) string      { return filepath.Join(w.state(), "setup-"+step+".log") }

// packages is the environment of JupyterLab and what it needs.
func (w *workbook) packages() host.Venv {
	return host.Venv{Dir: w.venv(), Minor: 10, Requirements: filepath.Join(w.folder(), "requirements.txt"), Env: w.env()}
}

// env returns the environment for everything Jupyter: ours alone, so that the reader's own Jupyter neither changes nor
// leaks in, but for the token.
func (w *workbook) env(extra ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool {
		if name, _, _ := strings.Cut(s, "="); name == "JUPYTER_TOKEN" || name == "JUPYTER_TOKEN_FILE" {
			return false
		}
		for _, prefix := range []string{"JUPYTER", "IPYTHON", "PYTHON", "VIRTUAL_ENV"} {
			if strings.HasPrefix(s, prefix) {
				return true
			}
		}
		return false
	})
	env = append(env,
		"JUPYTER_DATA_DIR="+w.jupyter("data"),
		"JUPYTER_CONFIG_DIR="+w.jupyter("config"),
		"JUPYTER_RUNTIME_DIR="+w.runtime(),
		"IPYTHONDIR="+w.jupyter("ipython"),
		"JUPYTER_PLATFORM_DIRS=1",
		"JUPYTER_PREFER_ENV_PATH=0", // our settings before those of the packages
		"PYTHONNOUSERSITE=1",
		"PYTHONPATH="+w.jupyterFolder(), // for what its server is told to load
		"PYTHONDONTWRITEBYTECODE=1",
		"PYTHONUTF8=1",
		"PATH="+w.bin()+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return append(env, extra...)
}

// notebooks returns the names of the committed notebooks, without .ipynb, in order.
func (w *workbook) notebooks() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(globEscape(w.pages()), "*.ipynb"))
	if err != nil {
		return nil, fmt.Errorf("listing the notebooks: %w", err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".ipynb"))
	}
	slices.Sort(names)
	return names, nil
}

// globEscape makes a folder's name safe to stand in a pattern.
func globEscape(path string) string {
	if runtime.GOOS == "windows" {
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// resolve turns the names a reader typed into names of notebooks; none means all.
func (w *workbook) resolve(typed []string) ([]string, error) {
	all, err := w.notebooks()
	if err != nil {
		return nil, err
	}
	if len(typed) == 0 {
		if len(all) == 0 {
			return nil, fmt.Errorf("there is no notebook in %s", w.pages())
		}
		return all, nil
	}
	var names []string
	for _, name := range typed {
		// The shell completes to a path, notebooks/NAME.ipynb.
		short := strings.TrimSuffix(filepath.Base(name), ".ipynb")
		if !slices.Contains(all, short) {
			return nil, fmt.Errorf("there is no notebook %q; there are: %s", name, strings.Join(all, ", "))
		}
		names = append(names, short)
	}
	return names, nil
}
