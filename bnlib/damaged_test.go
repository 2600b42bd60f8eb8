//go:build unix

package bnlib

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"batchnorm/bnlib/internal/store"
	"batchnorm/data"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
)

// onFourNumbers is a network whose run is a small file: it sees four numbers of each image.
func onFourNumbers(scope *model.Scope, images *graph.Node) *graph.Node {
	x := graph.Slice(images, graph.AxisRange(), graph.AxisRange(400, 404))
	return layers.Dense(scope.In("out"), BatchNorm(scope, x), true, data.Classes)
}

// smallRun trains it in pure Go and returns what it takes to do so again, and the file that its run is stored in.
func smallRun(t *testing.T) (train func() (*Run, error), s *Store, run *Run, path string) {
	d, e := tiny(t)
	e.Model = onFourNumbers
	on, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Data: d, Backend: on, Store: options(t).Store}
	train = func() (*Run, error) {
		runs, err := Train(context.Background(), []Network{{Experiment: e}}, o)
		if err != nil {
			return nil, err
		}
		return runs[0], nil
	}
	if run, err = train(); err != nil {
		t.Fatal(err)
	}
	return train, o.Store, run, filepath.Join(o.Store.Dir, run.Key+".safetensors")
}

// TestEveryByte changes every byte of a stored run in turn, and cuts its file at every length: it is never read back as a run. Some of
// them are trained again, to the same numbers.
func TestEveryByte(t *testing.T) {
	train, s, run, path := smallRun(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(s.Dir, run.Key+".damaged")
	tried, again := 0, 0
	try := func(at int, edit func(f *os.File) error, mend func(f *os.File) error) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := edit(f); err != nil {
			t.Fatal(err)
		}
		tried++
		if at%(len(whole)/8) == 7 { // nine of them
			again++
			got, err := train()
			if err != nil || !sameRun(got, run) || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "set aside as "+aside) {
				t.Fatalf("at byte %d: trained again: %v, %+v", at, err, got)
			}
		} else {
			var d *store.DamagedError
			if got, err := s.Load(run.Key); !errors.As(err, &d) || d.Err != nil || got != nil {
				t.Fatalf("at byte %d: %v, %v", at, got, err)
			}
			if got, err := s.Load(run.Key); !errors.Is(err, ErrNoRun) || got != nil {
				t.Fatalf("at byte %d, after it was set aside: %v, %v", at, got, err)
			}
		}
		if err := mend(f); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(aside, path); err != nil {
			t.Fatal(err)
		}
	}
	for i, b := range whole {
		write := func(b byte) func(*os.File) error {
			return func(f *os.File) error {
				_, err := f.WriteAt([]byte{b}, int64(i))
				return err
			}
		}
		try(i, write(b^(1<<(i%8))), write(b))
	}
	for i := range whole {
		try(i, func(f *os.File) error { return f.Truncate(int64(i)) }, func(f *os.File) error {
			_, err := f.WriteAt(whole, 0)
			return err
		})
	}
	if got, err := s.Load(run.Key); err != nil || !sameRun(got, run) {
		t.Errorf("mended: %v", err)
	}
	t.Logf("a run of %d bytes: %d flips and cuts found, set aside, %d of them trained again", len(whole), tried, again)
}

// TestTrainedAgain puts something else in the place of a run's file: its network is trained again, to the same numbers, and stored.
func TestTrainedAgain(t *testing.T) {
	train, s, run, path := smallRun(t)
	for _, c := range []struct {
		name string
		make func() error
		note string // empty: there was nothing to note
	}{
		{"zeros", func() error { return os.WriteFile(path, make([]byte, 5000), 0o644) }, "set aside as "},
		{"text", func() error { return os.WriteFile(path, []byte(strings.Repeat("<html>", 1000)), 0o644) }, "set aside as "},
		{"a folder", func() error { return os.MkdirAll(filepath.Join(path, "x"), 0o755) }, "it is no file"},
		{"a pipe", func() error { return syscall.Mkfifo(path, 0o644) }, "it is no file"},
		{"a device", func() error { return os.Symlink("/dev/zero", path) }, "it is no file"},
		{"a link to itself", func() error { return os.Symlink(filepath.Base(path), path) }, syscall.ELOOP.Error()},
		{"a link to nothing", func() error { return os.Symlink("nonesuch", path) }, ""},
	} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := c.make(); err != nil {
			t.Fatal(err)
		}
		got, err := train()
		if err != nil || !sameRun(got, run) {
			t.Fatalf("%s: %v", c.name, err)
		}
		if notes := strings.Join(got.Notes, "; "); !strings.Contains(notes, c.note) || (notes == "") != (c.note == "") {
			t.Errorf("%s: notes %q, want %q", c.name, notes, c.note)
		}
		if got, err := s.Load(run.Key); err != nil || !sameRun(got, run) {
			t.Errorf("%s: stored anew: %v", c.name, err)
		}
	}
}

// TestFolderGoes removes the store's folder while networks train into it: all of them come back, and what is done later is stored.
func TestFolderGoes(t *testing.T) {
	on, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Backend: on, Store: options(t).Store}
	var base Experiment
	o.Data, base = tiny(t)
	removed := 0
	o.Recorder = recorderFunc(func(p Progress) {
		if removed == 2 || p.Done < (removed+1)*p.Total/3 { // twice at most: a writer tries three times
			return
		}
		removed++
		if err := os.RemoveAll(o.Store.Dir); err != nil && !errors.Is(err, syscall.ENOTEMPTY) { // something was stored meanwhile
			t.Error(err)
		}
	})
	runs, err := Grid{Base: base, Axes: []Axis{Rate(.1, .2, .3)}, Seeds: 2}.Train(t.Context(), o)
	if err != nil || len(runs.Runs) != 12 {
		t.Fatalf("%v, %v", runs, err)
	}
	for i, run := range runs.Runs {
		if run.Status != Finished || len(run.Points) != 2 {
			t.Errorf("run %d: %+v", i, run)
		}
		if _, err := o.Store.Load(run.Key); err != nil && !errors.Is(err, ErrNoRun) {
			t.Errorf("run %d: %v", i, err)
		}
	}
	o.Recorder, o.Fresh = nil, true
	last := trained(t, o, Network{Experiment: base}) // in the same process
	if _, err := o.Store.Load(last[0].Key); err != nil || removed == 0 {
		t.Errorf("removed %d times; stored afterwards: %v", removed, err)
	}
}
