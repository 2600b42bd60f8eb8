package probe

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// Exact returns the values of the variables, in the order of Variables, with the exact statistics of images, [n, 784], in the place of
// moving averages (Wu and Johnson 2021, arXiv:2105.07576, section 3, who call it precise batch norm): of every layer that Layers
// recognizes and that has batch_norm/moving_mean and batch_norm/moving_variance in its scope, the mean and the biased variance, over all
// images at once, of its linear output, whose input is normalized with the exact statistics of the layers below. For InferenceAt; of a network without moving averages the values are those it has.
func (l *Look) Exact(images *Node) []*Node {
	values := l.Values()
	index := func(name string) int {
		return slices.IndexFunc(l.state.Variables, func(v Variable) bool { return v.Name == name })
	}
	for _, layer := range l.Layers(images) {
		mean, variance := index(layer.Name+"/batch_norm/moving_mean"), index(layer.Name+"/batch_norm/moving_variance")
		if layer.Kind != LinearOutput || mean < 0 || variance < 0 {
			continue
		}
		average := ReduceAndKeep(layer.Node, ReduceMean, 0)
		values[mean] = Reshape(average, values[mean].Shape().Dimensions...)
		values[variance] = Reshape(ReduceMean(Square(Sub(layer.Node, average)), 0), values[variance].Shape().Dimensions...)
	}
	return values
}
