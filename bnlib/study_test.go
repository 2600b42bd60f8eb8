package bnlib

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestStudy(t *testing.T) {
	o := options(t)
	experiments := []Experiment{short(1), short(4)}
	experiments[1].Seed = 5
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
			if want := experiments[i].Seed + uint64(k); plain.Seed != want || bn.Seed != want || plain.BatchNorm || !bn.BatchNorm ||
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
