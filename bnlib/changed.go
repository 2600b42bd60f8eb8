package bnlib

import "slices"

// Changed returns a run with other values of some variables, to be asked what the network makes of images then. A pattern names the
// variables, as in a ByVariable; change is given each of their values and returns the one in its place. r stays as it is, and nothing is
// stored.
//
//	corrected := run.Changed("hidden_*/batch_norm/moving_variance", func(v float32) float32 { return v * 60 / 59 })
func (r *Run) Changed(pattern string, change func(value float32) float32) *Run {
	changed := *r
	changed.Weights = slices.Clone(r.Weights)
	for i, w := range r.Weights {
		if !fits(pattern, w.Name) {
			continue
		}
		values := make([]float32, len(w.Values))
		for k, v := range w.Values {
			values[k] = change(v)
		}
		changed.Weights[i].Values = values
	}
	return &changed
}
