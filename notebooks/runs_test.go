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
	if err := ask(onRuns{list: true, verify: true, prune: true, limits: upkeep.Limits{Bytes: 1}}, "0 files are sound", "Removed 0 files", "holds nothing yet"); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"aa-1", "bb-1"} {
		if err := (&bnlib.Store{Dir: dir}).Save(&bnlib.Run{Key: key, Network: bnlib.Article(3).Pair()[0]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(onRuns{list: true, verify: true}, "aa-1", "Experiment 3, without batch norm, 50000 steps, seed 1", "2 files are sound, 0 damaged", "2 runs"); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(filepath.Join(dir, "aa-1.safetensors"), 50); err != nil {
		t.Fatal(err)
	}
	if err := ask(onRuns{verify: true}, "1 files are sound, 1 damaged", "entry aa-1 is damaged", "set aside as "+dir); !errors.Is(err, errDamaged) {
		t.Errorf("a damaged file: %v", err)
	}
	limits := upkeep.Limits{Bytes: 1}
	if err := ask(onRuns{prune: true, dry: true, limits: limits}, "Would remove 2 files", "1 files that were damaged and set aside"); err != nil {
		t.Error(err)
	}
	if err := ask(onRuns{prune: true, limits: limits}, "Removed 2 files", "holds nothing yet"); err != nil {
		t.Error(err)
	}
}
