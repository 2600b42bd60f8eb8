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
