package bnlib

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"batchnorm/bnlib/probe"
)

// disk mounts a small disk, where the system lets the test.
func disk(t *testing.T, flags uintptr, size string) (dir string, ok bool) {
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size="+size); err != nil {
		t.Logf("no disk of its own: %v", err)
		return "", false
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, true
}

// storesThatFail returns stores that cannot be written to: one whose folder cannot be made and, where disks can be mounted, one on a
// full disk and one on a read-only one.
func storesThatFail(t *testing.T) map[string]*Store {
	stores := map[string]*Store{"a file in the folder's place": unwritable(t)}
	if dir, ok := disk(t, 0, "4k"); ok {
		stores["a full disk"] = &Store{Dir: dir}
	}
	if dir, ok := disk(t, syscall.MS_RDONLY, "1m"); ok {
		stores["a read-only disk"] = &Store{Dir: dir}
	}
	return stores
}

// TestDiskFills trains until the disk is full and further: all runs come back, those that found room are stored, nothing half, and once
// there is room again only the others are trained.
func TestDiskFills(t *testing.T) {
	dir, ok := disk(t, 0, "64k")
	if !ok {
		t.Skip("this system does not let the test mount a disk")
	}
	on, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Backend: on, Store: &Store{Dir: dir}, Hooks: []probe.Hook{{Name: "loss", Graph: func(l *probe.Look) { l.Record("loss", l.Loss()) }}}}
	var base Experiment
	o.Data, base = tiny(t)
	networks := Grid{Base: base, Axes: []Axis{Rate(.1, .2, .3, .4)}, Seeds: 2}.Networks()
	runs, err := Train(t.Context(), networks, o)
	if !errors.Is(err, ErrNotStored) || !errors.Is(err, syscall.ENOSPC) || len(runs) != len(networks) {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	stored := 0
	for i, run := range runs {
		loaded, err := o.Store.Load(run.Key)
		switch {
		case run.Status != Finished || len(run.Weights) == 0:
			t.Errorf("run %d: %+v", i, run)
		case err == nil && sameRun(loaded, run):
			stored++
		case !errors.Is(err, ErrNoRun):
			t.Errorf("run %d, in the store: %v", i, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".safetensors") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
	if stored == 0 || stored == len(runs) {
		t.Fatalf("%d of %d runs found room; the test wants some", stored, len(runs))
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	var steps int
	o.Recorder = recorderFunc(func(p Progress) { steps = p.Total })
	again := trained(t, o, networks...)
	if most := (len(runs) - stored + 1) * base.Steps; steps > most { // of one run the disk may have had no room for what the hook saw
		t.Errorf("with room, %d steps were trained, want %d at most", steps, most)
	}
	for i := range runs {
		if !sameRun(runs[i], again[i]) {
			t.Errorf("run %d differs", i)
		}
	}
}
