package bnlib

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Seeds returns n experiments that are e but for their seeds: e.Seed, e.Seed+1, and so on.
func Seeds(e Experiment, n int) []Experiment {
	experiments := make([]Experiment, n)
	for i := range experiments {
		experiments[i] = e
		experiments[i].Seed += uint64(i)
	}
	return experiments
}

// Replicates is one experiment with several seeds: the runs without and with batch normalization, in the order of the seeds.
// Plain[i] and BatchNorm[i] started from the same weights and saw the same minibatches.
type Replicates struct {
	Experiment       Experiment // with the first seed
	Plain, BatchNorm Sample
}

// Sample is the runs of one network with several seeds.
type Sample []*Run

// Study trains both networks of each experiment with the given number of seeds, all in one call of Train, and returns them
// in the order of the experiments. What the store has is not trained again, so that more seeds cost only those that are
// new. If ctx ends, it returns, as Train does, what there is with the error.
//
// Experiments with a model function of their own are an error, since they have no two networks. Other errors are Train's.
func Study(ctx context.Context, experiments []Experiment, seeds int, options *Options) ([]Replicates, error) {
	if seeds < 1 {
		return nil, fmt.Errorf("bnlib: Study: seeds is %d; allowed: 1 or more", seeds)
	}
	var networks []Network
	for _, e := range experiments {
		if e.Model != nil {
			return nil, errors.New("bnlib: Study: Experiment.Model is set; allowed: nil, since Study builds both networks itself (give networks of your own to Train)")
		}
		for _, seeded := range Seeds(e, seeds) {
			networks = append(networks, seeded.Pair()...)
		}
	}
	runs, err := Train(ctx, networks, options)
	if runs == nil {
		return nil, err
	}
	return Replicate(experiments, runs), err
}

// Replicate sorts runs by their experiments. They are in the order of Study's training: by experiment, by seed, without batch
// normalization and with it; each experiment has as many.
func Replicate(experiments []Experiment, runs []*Run) []Replicates {
	study := make([]Replicates, len(experiments))
	each := len(runs) / max(1, len(experiments))
	for i, e := range experiments {
		r := &study[i]
		r.Experiment = e
		for k := i * each; k+1 < (i+1)*each; k += 2 {
			r.Plain, r.BatchNorm = append(r.Plain, runs[k]), append(r.BatchNorm, runs[k+1])
		}
	}
	return study
}

// Spread is how a number varies from seed to seed.
type Spread struct{ Median, Min, Max float64 }

// NewSpread returns the spread of some values. The median of an even number is the mean of the middle two. Values that are NaN
// are left out; of none, all three are NaN.
func NewSpread(values ...float64) Spread {
	sorted := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	n := len(sorted)
	if n == 0 {
		return Spread{math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(sorted)
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}

// String writes a spread of accuracies, ".9746 (.9731 to .9760)"; of one value, or equal ones, ".9746".
func (s Spread) String() string { return s.text(FormatAccuracy) }

func (s Spread) text(write func(float64) string) string {
	median, low, high := write(s.Median), write(s.Min), write(s.Max)
	if low == high {
		return median
	}
	return fmt.Sprintf("%s (%s to %s)", median, low, high)
}

// Each returns the spread of some number of the runs.
func (s Sample) Each(number func(*Run) float64) Spread {
	values := make([]float64, len(s))
	for i, run := range s {
		values[i] = number(run)
	}
	return NewSpread(values...)
}

// Test returns the spread of the accuracy on the test images.
func (s Sample) Test() Spread { return s.Each(func(r *Run) float64 { return r.Test }) }

// Validation returns the spread of the last accuracy on the validation images.
func (s Sample) Validation() Spread { return s.Each(func(r *Run) float64 { return r.Last().Accuracy }) }
