package probe

import (
	"fmt"
	"math"
)

// Spaced returns about ten steps for each power of ten, from 1 to last, which is one of them: where to look at what goes on a logarithmic
// axis.
//
//	hook := probe.Norms.At(probe.Spaced(50000)...)
//
// It panics if last is below 1.
func Spaced(last int) []int {
	if last < 1 {
		panic(fmt.Errorf("probe: Spaced: last is %d; allowed: 1 or more", last))
	}
	var steps []int
	for k := 0; ; k++ {
		step := int(math.Round(math.Pow(10, float64(k)/10)))
		if step >= last {
			return append(steps, last)
		}
		if len(steps) == 0 || step > steps[len(steps)-1] {
			steps = append(steps, step)
		}
	}
}
