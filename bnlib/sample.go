package bnlib

import (
	"fmt"
	"math"
	"slices"
)

// Sample is the runs of one network with several seeds.
type Sample []*Run

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
func (s Spread) String() string { return s.Text(FormatAccuracy) }

// Text writes the median and, unless they are the same, the smallest and the largest value.
func (s Spread) Text(write func(float64) string) string {
	median, low, high := write(s.Median), write(s.Min), write(s.Max)
	if low == high {
		return median
	}
	return fmt.Sprintf("%s (%s to %s)", median, low, high)
}

// Each returns the spread of some number of the runs, but for those that are nil, which a store lacks.
func (s Sample) Each(number func(*Run) float64) Spread {
	var values []float64
	for _, run := range s {
		if run != nil {
			values = append(values, number(run))
		}
	}
	return NewSpread(values...)
}

// Done returns the runs that came to their end.
func (s Sample) Done() Sample {
	return slices.DeleteFunc(slices.Clone(s), func(r *Run) bool { return r == nil || r.Status.Early() })
}

// Test returns the spread of the accuracy on the test images.
func (s Sample) Test() Spread { return s.Each(func(r *Run) float64 { return r.Test }) }

// Validation returns the spread of the last accuracy on the validation images.
func (s Sample) Validation() Spread { return s.Each(func(r *Run) float64 { return r.Last().Accuracy }) }
