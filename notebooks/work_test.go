package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/host"
)

// write makes files of a folder, with their names as their text where there is none.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// listing is all files below a folder with their texts.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A reader with a folder of his own gets the pages once, keeps what he wrote, and nothing is written beside that folder.
func TestMoveIn(t *testing.T) {
	clone, work := t.TempDir(), filepath.Join(t.TempDir(), "reader", "work")
	const kernel = `.batchnorm/jupyter/%s/kernels/gonb/kernel.json`
	spec := `{"argv": ["gonb", "-log_file=` + filepath.Join(clone, ".batchnorm", "kernel.log") + `"]}`
	write(t, clone, map[string]string{
		"go.mod":                                     "module batchnorm\n",
		"notebooks/a.ipynb":                          "page a",
		"notebooks/b.ipynb":                          "page b\n",
		"notebooks/main.go":                          "package main",
		"notebooks/jupyter/custom/custom.css":        "style",
		"notebooks/thumbnails/a.png":                 "picture",
		strings.ReplaceAll(kernel, "%s", "data"):     spec,
		strings.ReplaceAll(kernel, "%s", "headless"): spec,
	})
	before := listing(t, clone)
	t.Chdir(clone)
	t.Setenv(host.DirEnv, "")
	t.Setenv(workEnv, work)
	t.Setenv(host.RunsEnv, "")
	t.Setenv(host.ProgramsEnv, "")
	t.Setenv("TMPDIR", t.TempDir())
	moveIn := func() *workbook {
		t.Helper()
		w, err := open(new(bytes.Buffer))
		if err == nil {
			err = errors.Join(w.copyPages(), w.moveIn())
		}
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := moveIn()
	files := listing(t, work)
	for name, want := range map[string]string{"a.ipynb": "page a", "b.ipynb": "page b\n", "thumbnails/a.png": "picture"} {
		if files[name] != want {
			t.Errorf("%s is %q, want %q", name, files[name], want)
		}
	}
	if _, ok := files["main.go"]; ok {
		t.Error("the program is among the pages")
	}
	if got := files[".batchnorm/jupyter/config/custom/custom.css"]; got != "style" {
		t.Errorf("of JupyterLab's settings there is %q, want %q", got, "style")
	}
	for _, kind := range []string{"data", "headless"} {
		var spec struct{ Argv []string }
		if err := json.Unmarshal([]byte(files[strings.ReplaceAll(kernel, "%s", kind)]), &spec); err != nil {
			t.Fatal(err)
		}
		if want := "-log_file=" + filepath.Join(work, ".batchnorm", "kernel.log"); !slices.Equal(spec.Argv, []string{"gonb", want}) {
			t.Errorf("the kernel is %q, want its log in %s", spec.Argv, want)
		}
	}
	env := w.env()
	for _, want := range []string{host.DirEnv + "=" + w.home, host.RunsEnv + "=" + filepath.Join(work, ".batchnorm", "runs"),
		host.ProgramsEnv + "=" + filepath.Join(work, ".batchnorm", "programs"),
		"JUPYTER_DATA_DIR=" + filepath.Join(work, ".batchnorm", "jupyter", "data")} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s", want)
		}
	}

	write(t, work, map[string]string{"a.ipynb": "mine"})
	if err := os.Remove(filepath.Join(work, "b.ipynb")); err != nil {
		t.Fatal(err)
	}
	moveIn()
	if files := listing(t, work); files["a.ipynb"] != "mine" || files["b.ipynb"] != "page b\n" {
		t.Errorf("the second time a page of the reader's is %q, one that he deleted %q", files["a.ipynb"], files["b.ipynb"])
	}
	for name, text := range listing(t, clone) {
		if before[name] != text {
			t.Errorf("%s in the clone was written", name)
		}
	}

	write(t, clone, map[string]string{"file": ""})
	t.Setenv(workEnv, filepath.Join(clone, "file", "below"))
	if _, err := open(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), workEnv) {
		t.Errorf("where no folder can be: %v; want an error that names %s", err, workEnv)
	}
}

// Temporary files of ours lie in no folder that somebody else made.
func TestPrivate(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir, err := private("runtime")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := private("runtime"); err != nil || again != dir {
		t.Errorf("asked again: %s, %v; want %s", again, err, dir)
	}
	info, err := os.Stat(filepath.Dir(dir))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v; want a folder of ours alone", info.Mode(), err)
	}
	if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	if dir, err := private("runtime"); err == nil {
		t.Errorf("through somebody's link: %s", dir)
	}
}
