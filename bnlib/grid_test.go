package bnlib

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

func TestStudy(t *testing.T) {
	o := options(t)
	experiments := []Experiment{short(1), short(1)} // one activation: what is compiled is compiled once
	experiments[1].Name, experiments[1].Seed, experiments[1].LearningRate = "another", 5, 0.1
	first, err := Study(context.Background(), experiments, 2, o)
	if err != nil {
		t.Fatal(err)
	}
	trained := 0
	o.Recorder = recorderFunc(func(p Progress) { trained = p.Total / 40 })
	study, err := Study(context.Background(), experiments, 3, o)
	if err != nil {
		t.Fatal(err)
	}
	if trained != 4 {
		t.Errorf("a third seed trained %d networks, want 4", trained)
	}
	for i, r := range study {
		if r.Experiment.Name != experiments[i].Name || len(r.Plain) != 3 || len(r.BatchNorm) != 3 {
			t.Fatalf("group %d: %q, %d and %d runs", i, r.Experiment.Name, len(r.Plain), len(r.BatchNorm))
		}
		for k := range 3 {
			plain, bn := r.Plain[k].Network, r.BatchNorm[k].Network
			if want := experiments[i].Seed + uint64(k); plain.Seed != want || bn.Seed != want || plain.Norm.Apply != nil || bn.Norm.Apply == nil ||
				plain.Name != experiments[i].Name {
				t.Errorf("group %d, seed %d: %+v and %+v", i, k, plain, bn)
			}
		}
		for k, run := range first[i].Plain {
			if !sameRun(run, r.Plain[k]) {
				t.Errorf("group %d: run %d of the study with fewer seeds differs", i, k)
			}
		}
		test := r.BatchNorm.Test()
		if !(test.Min <= test.Median && test.Median <= test.Max) || test.Min == test.Max {
			t.Errorf("test accuracies %v", test)
		}
		if v := r.Plain.Validation(); v.Max != max(r.Plain[0].Last().Accuracy, r.Plain[1].Last().Accuracy, r.Plain[2].Last().Accuracy) {
			t.Errorf("validation accuracies %v", v)
		}
	}
}

func TestStudyErrors(t *testing.T) {
	own := short(1)
	own.Model = afterActivation
	for want, call := range map[string]func() ([]Replicates, error){
		"seeds is 0":          func() ([]Replicates, error) { return Study(context.Background(), []Experiment{short(1)}, 0, nil) },
		"Experiment.Model is": func() ([]Replicates, error) { return Study(context.Background(), []Experiment{own}, 1, nil) },
		"networks is empty":   func() ([]Replicates, error) { return Study(context.Background(), nil, 1, nil) },
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	study, err := Study(ctx, []Experiment{short(1)}, 2, options(t))
	if !errors.Is(err, context.Canceled) || len(study) != 1 || study[0].Plain[1].Status != Cancelled {
		t.Errorf("cancelled: %+v, %v", study, err)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Spread
		text   string
	}{
		{[]float64{.9, .7, .8}, Spread{.8, .7, .9}, ".8000 (.7000 to .9000)"},
		{[]float64{.5, .25, 1, .75}, Spread{.625, .25, 1}, ".6250 (.2500 to 1.0000)"},
		{[]float64{.098}, Spread{.098, .098, .098}, ".0980"},
		{[]float64{math.NaN(), .5}, Spread{.5, .5, .5}, ".5000"},
	} {
		if got := NewSpread(c.values...); got != c.want || got.String() != c.text {
			t.Errorf("spread of %v is %+v, %q; want %+v, %q", c.values, got, got.String(), c.want, c.text)
		}
	}
	if s := NewSpread(); !math.IsNaN(s.Median) {
		t.Errorf("spread of nothing: %v", s)
	}
}

// tiny is the beginning of MNIST and a network that takes no time on it.
func tiny(t testing.TB) (*data.Dataset, Experiment) { return tinyOf(mnist(t)) }

func tinyOf(d *data.Dataset) (*data.Dataset, Experiment) {
	small := &data.Dataset{Train: images(d.Train, 0, 500), Validation: images(d.Validation, 0, 100), Test: images(d.Test, 0, 100), Checksum: "tiny"}
	return small, Experiment{InitStd: .3, LearningRate: .5, Activation: activation.TypeSigmoid, Hidden: []int{4}, Batch: 5, Steps: 4, Every: 4, Seed: 1}
}

func width(units ...float64) Axis {
	return Axis{Name: "width", Values: units, Set: func(e *Experiment, v float64) { e.Hidden[0] = int(v) }}
}

// TestGridOrder holds the order of a grid's networks, their names and seeds, and where Sample finds their runs.
func TestGridOrder(t *testing.T) {
	_, base := tiny(t)
	base.Hidden = []int{4, 4}
	base.Seed = 5
	kind := Axis{Name: "kind", Values: []float64{0, 1}, Labels: []string{"slow", "fast"}, Set: func(e *Experiment, v float64) { e.LearningRate = 10 * v }}
	g := Grid{Base: base, Axes: []Axis{Std(.1, .2, .4), width(7, 8), kind}, Norms: []Norm{Batch, meanOnly, None}, Seeds: 2}
	if err := g.Validate(); err != nil || g.Points() != 12 {
		t.Fatalf("%d points, %v", g.Points(), err)
	}
	networks := g.Networks()
	r := &Results{Grid: g}
	next := 0
	for _, std := range []float64{.1, .2, .4} {
		for _, units := range []int{7, 8} {
			for k, name := range []string{"slow", "fast"} {
				for seed := range uint64(2) {
					for _, norm := range g.Norms {
						n := networks[next]
						want := fmt.Sprintf("std %g, width %d, %s", std, units, name)
						if n.InitStd != std || !slices.Equal(n.Hidden, []int{units, 4}) || n.LearningRate != 10*float64(k) ||
							n.Seed != 5+seed || n.Norm.Name != norm.Name || n.Name != want {
							t.Errorf("network %d is %+v, want %s, seed %d, %s", next, n, want, 5+seed, norm.Name)
						}
						r.Runs = append(r.Runs, &Run{Network: n})
						next++
					}
				}
			}
		}
	}
	if len(networks) != next || base.Hidden[0] != 4 {
		t.Errorf("%d networks, want %d; the base has become %v", len(networks), next, base.Hidden)
	}
	sample := r.Sample(1, 2, 0, 1)
	if len(sample) != 2 || sample[0].Network.Seed != 5 || sample[1].Network.Seed != 6 {
		t.Fatalf("a sample of %d runs", len(sample))
	}
	for _, run := range sample {
		if n := run.Network; n.Name != "std 0.4, width 7, fast" || n.Norm.Name != "mean only" {
			t.Errorf("the sample has %s, %s", n.Name, n.Norm.Name)
		}
	}
	if err := engine.TryCatch(func() error { r.Sample(0, 1); return nil }); err == nil || !strings.Contains(err.Error(), "3 axes has 1 indices") {
		t.Errorf("a sample of a point without all indices: %v", err)
	}

	// Shares of a grid are all of it, each point once, more of them than points included.
	for _, n := range []int{1, 2, 5, 12, 13} {
		var all []int
		for i := range n {
			shard := g.Shard(i, n)
			if got := len(g.Networks(shard...)); got != 6*len(shard) {
				t.Errorf("share %d of %d: %d networks of %d points", i, n, got, len(shard))
			}
			all = append(all, shard...)
		}
		slices.Sort(all)
		if len(all) != 12 || all[0] != 0 || all[11] != 11 || len(slices.Compact(all)) != 12 {
			t.Errorf("%d shares are the points %v", n, all)
		}
	}
	if got := g.Networks(3); len(got) != 6 || got[0].Name != "std 0.1, width 8, fast" {
		t.Errorf("point 3: %d networks, %q", len(got), got[0].Name)
	}
	for _, share := range [][2]int{{0, 0}, {2, 2}, {-1, 2}} {
		if err := engine.TryCatch(func() error { g.Shard(share[0], share[1]); return nil }); err == nil || !strings.Contains(err.Error(), "allowed") {
			t.Errorf("share %v: %v", share, err)
		}
	}
}

func TestChoice(t *testing.T) {
	experiments := []Experiment{Article(3), Article(8)}
	experiments[1].Seed = 4
	g := Grid{Axes: []Axis{Choice(experiments...), width(9)}, Seeds: 2}
	networks := g.Networks()
	for i, n := range networks {
		e := experiments[i/4]
		if n.Seed != e.Seed+uint64(i%4/2) || n.InitStd != e.InitStd || n.Hidden[0] != 9 || (n.Norm.Apply != nil) != (i%2 == 1) ||
			n.Name != e.Name+", width 9" {
			t.Errorf("network %d is %+v", i, n)
		}
	}
	if len(networks) != 8 || experiments[0].Hidden[0] != 128 {
		t.Errorf("%d networks; the experiments have become %v", len(networks), experiments[0].Hidden)
	}
	seeds := Seeds(experiments[0], 2)
	if seeds[0].Hidden[0] = 3; seeds[1].Hidden[0] != 128 || experiments[0].Hidden[0] != 128 {
		t.Error("experiments of several seeds share their layers")
	}
}

// TestGridStoresAsItGoes stops a grid half way, where 40% of it must be stored, goes on, and asks for it again.
func TestGridStoresAsItGoes(t *testing.T) {
	o := options(t)
	var base Experiment
	o.Data, base = tiny(t)
	g := Grid{Base: base, Axes: []Axis{Std(.1, .2, .3, .4, .5), Rate(.1, .2)}, Seeds: 2}
	const all = 40
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Recorder = recorderFunc(func(p Progress) {
		if p.Done >= p.Total/2 {
			cancel()
		}
	})
	results, err := g.Train(ctx, o)
	if !errors.Is(err, context.Canceled) || results == nil || len(results.Runs) != all {
		t.Fatalf("stopped half way: %+v, %v", results, err)
	}
	stored := 0
	for i, run := range results.Runs {
		switch loaded, err := o.Store.Load(run.Key); {
		case run.Status == Finished && err == nil && len(loaded.Losses) == 4 && len(loaded.Weights) > 0:
			stored++
		case run.Status == Cancelled && errors.Is(err, ErrNoRun):
		default:
			t.Errorf("run %d: %v, in the store %v", i, run.Status, err)
		}
	}
	if stored < all*40/100 || stored == all {
		t.Errorf("%d of %d networks are stored at half time, want 40%% at least", stored, all)
	}

	var total int
	o.Recorder = recorderFunc(func(p Progress) { total = p.Total })
	if results, err = g.Train(context.Background(), o); err != nil || total != (all-stored)*base.Steps {
		t.Fatalf("going on trained %d steps, want %d: %v", total, (all-stored)*base.Steps, err)
	}
	o.Recorder = recorderFunc(func(p Progress) { t.Errorf("a stored grid was trained again: %+v", p) })
	again, err := g.Train(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, run := range again.Runs {
		for name, r := range map[string]*Run{"trained": results.Runs[i], "found": run} {
			if r.Losses != nil || r.Weights != nil || r.Status != Finished || r.Network.Name != g.Networks()[i].Name {
				t.Errorf("run %d, %s: %v, %q, with %d losses and %d weights", i, name, r.Status, r.Network.Name, len(r.Losses), len(r.Weights))
			}
		}
		if !slices.Equal(run.Points, results.Runs[i].Points) || run.Test != results.Runs[i].Test {
			t.Errorf("run %d: found %v, trained %v", i, run.Points, results.Runs[i].Points)
		}
	}
	for point, r := range again.Replicates() {
		if len(r.Plain) != 2 || len(r.BatchNorm) != 2 || r.Experiment.Name != g.Experiment(point).Name ||
			r.Plain[1] != again.Runs[4*point+2] || r.BatchNorm[0] != again.Runs[4*point+1] {
			t.Errorf("point %d: %+v", point, r)
		}
	}

	// The same networks in shares of the grid are the same runs.
	shard, err := Train(context.Background(), g.Networks(g.Shard(1, 3)...), o)
	if err != nil || len(shard) != 12 || shard[0].Key != again.Runs[4].Key || len(shard[0].Losses) != base.Steps {
		t.Errorf("a share of the grid: %d runs, %v", len(shard), err)
	}
}

// TestTrainShard trains a grid in shares, where a machine of another kind has trained some of it: that is taken, whole or in shares, and
// not trained again.
func TestTrainShard(t *testing.T) {
	o := options(t)
	var base Experiment
	o.Data, base = tiny(t)
	rate := Rate(.1, .2, .3, .4, .5)
	rate.Set = func(e *Experiment, v float64) { e.LearningRate = min(v, .4) } // two points are the same networks
	g := Grid{Base: base, Axes: []Axis{rate}}
	whole, err := g.Train(context.Background(), &Options{Data: o.Data, Store: options(t).Store})
	if err != nil {
		t.Fatal(err)
	}
	missing := func(want int) *Results {
		results, missing, err := g.Stored(o)
		if err != nil || missing != want {
			t.Fatalf("%d networks are missing, %v; want %d", missing, err, want)
		}
		return results
	}
	missing(10)
	if runs, err := g.TrainShard(context.Background(), 0, 2, o); err != nil || len(runs) != 6 || runs[2].Network.LearningRate != .3 || runs[0].Weights != nil {
		t.Fatalf("a share: %d runs, %v", len(runs), err)
	}
	missing(2) // .2, since .4 is stored by its other point
	const another = "another kind"
	for _, i := range []int{0, 6} {
		run, err := o.Store.Load(whole.Runs[i].Key)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Store.files().Delete(run.Key); err != nil {
			t.Fatal(err)
		}
		run.Key, run.Machine = onMachine(withoutMachine(run.Key), another), another
		if err := o.Store.Save(run); err != nil {
			t.Fatal(err)
		}
	}
	results := missing(2)
	for i, run := range results.Runs {
		switch {
		case i == 2 || i == 3:
			if run != nil {
				t.Errorf("run %d, which nobody has trained: %+v", i, run)
			}
		case (run.Machine == another) != (i == 0 || i == 6 || i == 8) || run.Test != whole.Runs[i].Test || run.Network.LearningRate != whole.Runs[i].Network.LearningRate:
			t.Errorf("run %d: from %q, test %v", i, run.Machine, run.Test)
		}
	}
	o.Recorder = recorderFunc(func(p Progress) { t.Errorf("what another kind of machine has trained is trained again: %+v", p) })
	if runs, err := g.TrainShard(context.Background(), 0, 2, o); err != nil || runs[0].Machine != another || runs[1].Machine == another {
		t.Errorf("a share that is stored: %v", err)
	}
	if runs, err := g.TrainShard(context.Background(), 5, 6, o); err != nil || runs != nil {
		t.Errorf("a share of no points: %v, %v", runs, err)
	}
	o.Recorder = nil
	if _, err := g.TrainShard(context.Background(), 1, 2, o); err != nil {
		t.Fatal(err)
	}
	missing(0)
	if _, _, err := g.Stored(&Options{Data: o.Data, Store: unwritable(t)}); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a folder that cannot be read: %v", err)
	}
}

// unwritable returns a store that cannot be written to.
func unwritable(t *testing.T) *Store {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return &Store{Dir: filepath.Join(file, "runs")}
}

// TestSaveFails trains where nothing can be stored: all runs come back, done, with the error.
func TestSaveFails(t *testing.T) {
	d, base := tiny(t)
	g := Grid{Base: base, Axes: []Axis{Rate(.1, .2, .3)}, Norms: []Norm{Batch}, Seeds: 2}
	done := func(name string, runs []*Run, err error) {
		if !errors.Is(err, ErrNotStored) || !strings.Contains(err.Error(), "storing") {
			t.Errorf("%s: error %v", name, err)
		}
		if len(runs) != 6 {
			t.Fatalf("%s: %d runs", name, len(runs))
		}
		for i, run := range runs {
			if run.Status != Finished || len(run.Losses) != base.Steps || len(run.Weights) == 0 || math.IsNaN(run.Test) || len(run.Points) != 2 {
				t.Errorf("%s, run %d: %v, %d losses, test %v", name, i, run.Status, len(run.Losses), run.Test)
			}
			if h := run.Seen["cosine"]; h == nil || len(h.Steps) != 2 {
				t.Errorf("%s, run %d: the hook saw %+v", name, i, h)
			}
		}
	}
	hook := probe.Hook{Name: "cosine", Graph: func(l *probe.Look) { l.Record("loss", l.Loss()) }}
	on, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range storesThatFail(t) {
		o := &Options{Data: d, Backend: on, Store: s, Hooks: []probe.Hook{hook}}
		runs, err := Train(context.Background(), g.Networks(), o)
		done(name, runs, err)
		results, err := g.Train(context.Background(), o) // which keeps what is not stored
		done(name+", grid", results.Runs, err)
	}
}

// TestShardNotStored trains a share into a folder that is replaced by a file: it ends soon, and says why.
func TestShardNotStored(t *testing.T) {
	on, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Backend: on, Store: &Store{Dir: filepath.Join(t.TempDir(), "runs")}}
	o.Recorder = recorderFunc(func(p Progress) {
		if p.Done == 0 {
			if err := os.WriteFile(o.Store.Dir, nil, 0o644); err != nil {
				t.Error(err)
			}
		}
	})
	var base Experiment
	o.Data, base = tiny(t)
	runs, err := Grid{Base: base, Seeds: 100}.TrainShard(t.Context(), 0, 1, o)
	if !errors.Is(err, ErrNotStored) || errors.Is(err, context.Canceled) || len(runs) != 200 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	done := 0
	for _, run := range runs {
		if !run.Status.Early() {
			done++
		}
	}
	if done == 0 || done == len(runs) {
		t.Errorf("%d of %d networks were trained to their end", done, len(runs))
	}
}
