package probe

import (
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
)

// spread returns images of the training set, [n, 784], and their labels, at most as many as given: every k-th of them, shuffled. In MNIST's
// files neighbours are alike, and a statistic of the first images, or of a few in their order, is not what a minibatch has.
func (l *Look) spread(most int) (images, labels *Node) {
	images, labels = l.Training(math.MaxInt)
	k := (images.Shape().Dim(0) + most - 1) / most
	images, labels = Slice(images, AxisRange().Stride(k)), Slice(labels, AxisRange().Stride(k))
	n := images.Shape().Dim(0)
	order := make([][]int32, n)
	for i, at := range rand.New(rand.NewPCG(1, 1)).Perm(n) {
		order[i] = []int32{int32(at)}
	}
	shuffled := Const(images.Graph(), order)
	return Gather(images, shuffled), Gather(labels, shuffled)
}
