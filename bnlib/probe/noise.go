package probe

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Noise measures how far the statistics of minibatches lie from those of all images, in every hidden layer and for the given numbers of
// images in a minibatch. Training images, every k-th and 27500 at most, half of MNIST's, are run through the network at once, and the layer's
// values are then cut into minibatches of m. For each layer there are four records, with a number for each of the sizes; each is pooled over the units:
//
//	hidden_1 mean       standard deviation of a minibatch's mean, in standard deviations of the unit
//	hidden_1 variance   standard deviation of a minibatch's biased variance, in variances of the unit
//	hidden_1 bias       mean of a minibatch's biased variance, in variances of the unit
//	hidden_1 kurtosis   of the units, E(x−μ)⁴/σ⁴, 3 for a normal distribution: one number
//
// Of independent images the first is m^−½, the second √((m−1)·((m−1)κ − (m−3))/m³) with the kurtosis κ, which is √((κ−1)/m) for large m,
// the third (m−1)/m. A layer is measured at its linear output, or where there is no norm at its pre-activation.
func Noise(sizes ...int) Hook {
	return Hook{Name: "noise", Graph: func(l *Look) {
		images, _ := l.spread(27500)
		n := images.Shape().Dim(0)
		for i, m := range sizes {
			if m < 1 || m > n/2 {
				exceptions.Panicf("probe: Noise: sizes[%d] is %d; allowed: 1 to %d, so that there are two minibatches or more", i, m, n/2)
			}
		}
		var seen []string
		for _, layer := range l.Layers(images) {
			if slices.Contains(seen, layer.Name) || layer.Node.Rank() != 2 {
				continue
			}
			seen = append(seen, layer.Name)
			x, unit := layer.Node, func(v *Node) *Node { return ReduceAndKeep(v, ReduceMean, 0) } // [n, units] and [1, units]
			x = Sub(x, unit(x))
			variance := unit(Square(x))
			x = Div(x, Sqrt(variance))
			var means, variances, biases []*Node
			for _, m := range sizes {
				batches := n / m
				cut := Reshape(Slice(x, AxisRange(0, batches*m)), batches, m, -1)
				mean := ReduceAndKeep(cut, ReduceMean, 1)
				within := ReduceMean(Square(Sub(cut, mean)), 1) // [batches, units]
				means = append(means, ReduceAllMean(Square(mean)))
				variances = append(variances, ReduceAllMean(Square(Sub(within, unit(within)))))
				biases = append(biases, ReduceAllMean(within))
			}
			l.Record(layer.Name+" mean", Sqrt(Stack(means, 0)))
			l.Record(layer.Name+" variance", Sqrt(Stack(variances, 0)))
			l.Record(layer.Name+" bias", Stack(biases, 0))
			l.Record(layer.Name+" kurtosis", ReduceAllMean(Square(Square(x))))
		}
	}}
}
