package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/host"
	"batchnorm/bnlib/upkeep"
)

// TestKeep asks doctor for the runs: lists them, finds a damaged one, and removes what there is too much of, but not in a dry run.
func TestKeep(t *testing.T) {
	w, out := scratch(t)
	dir := filepath.Join(w.home, "runs")
	t.Setenv(host.RunsEnv, dir)
	ask := func(o onRuns, want ...string) error {
		t.Helper()
		out.Reset()
		err := w.keep(t.Context(), o)
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%+v says %q, not %q", o, out, text)
			}
		}
		return err
	}
	if err := ask(onRuns{list: true, verify: true, prune: true, limits: upkeep.Limits{Bytes: 1}}, "0 files sound", "Removed 0 files", "holds nothing yet"); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"aa-1", "bb-1"} {
		if err := (&bnlib.Store{Dir: dir}).Save(&bnlib.Run{Key: key, Network: bnlib.Article(3).Pair()[0]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(onRuns{list: true, verify: true}, "aa-1", "Experiment 3, without batch norm, 50000 steps, seed 1", "2 files sound, 0 damaged", "2 runs"); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(filepath.Join(dir, "aa-1.safetensors"), 50); err != nil {
		t.Fatal(err)
	}
	if err := ask(onRuns{verify: true}, "1 file sound, 1 damaged", "entry aa-1 is damaged", "set aside as "+dir); !errors.Is(err, errDamaged) {
		t.Errorf("a damaged file: %v", err)
	}
	limits := upkeep.Limits{Bytes: 1}
	if err := ask(onRuns{prune: true, dry: true, limits: limits}, "Would remove 2 files", "1 file damaged and set aside"); err != nil {
		t.Error(err)
	}
	if err := ask(onRuns{prune: true, limits: limits}, "Removed 2 files", "holds nothing yet"); err != nil {
		t.Error(err)
	}
}

// TestRemind has runs that take much, of a file that has holes.
func TestRemind(t *testing.T) {
	w, out := scratch(t)
	t.Setenv(host.RunsEnv, w.home)
	file := filepath.Join(w.home, "aa-1.safetensors")
	for size, want := range map[int64]bool{1000: false, plenty + 1: true} {
		out.Reset()
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
		if w.remind(); strings.Contains(out.String(), "5.0 GB. To remove") != want {
			t.Errorf("of %d bytes it says %q", size, out)
		}
	}
}

// TestNotStored trains on a page where nothing can be stored: the page shows what was trained and says why it is not kept.
func TestNotStored(t *testing.T) {
	w := ready(t)
	dir := t.TempDir()
	file, path := filepath.Join(dir, "file"), filepath.Join(dir, "scratch.ipynb")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(host.RunsEnv, filepath.Join(file, "runs"))
	writeBook(t, path, "# Scratch", "%noautoget\nimport (\n\t\"fmt\"\n\t\"batchnorm/bnlib\"\n\t\"batchnorm/bnlib/show\"\n\t\"github.com/janpfeifer/must\"\n)\n\n%%\n"+
		"e := bnlib.Article(1)\ne.Hidden, e.Steps, e.Every = []int{8}, 4, 2\nruns := must.M1(show.Compare(e))\nfmt.Println(len(runs), \"runs,\", runs[1].Status)")
	if err := w.execute(t.Context(), path, path, true, ignore); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 runs, finished", "could not be stored", "name another folder in BATCHNORM_RUNS", "image/png"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if strings.Contains(string(page), "Stopped early") {
		t.Error("the figure says that the training stopped early")
	}
}
