package norms

import (
	"fmt"
	"math"

	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Ghost is ghost batch normalization: the minibatch is cut into ghost batches of a size, each normalized with statistics of its own, so
// that a large minibatch keeps the noise of small ones (Hoffer, Hubara and Soudry 2017, arXiv:1705.08741, Algorithm 1). What is left over
// makes a smaller one; a minibatch below the size is one whole. A size below 1 panics.
//
// Every ghost batch moves the averages in turn: k of them as k steps of bnlib.BatchNorm.
func Ghost(size int) bnlib.Norm {
	if size < 1 {
		panic(fmt.Errorf("norms: Ghost(%d); allowed: 1 image or more", size))
	}
	return bnlib.Norm{Name: fmt.Sprintf("ghost batches of %d", size), Color: "#1b7f5c", Apply: func(scope *model.Scope, x *Node) *Node {
		scope = scope.In("batch_norm")
		movingMean := bnlib.MovingAverage(scope, "moving_mean", x, initializer.Zero)
		movingVariance := bnlib.MovingAverage(scope, "moving_variance", x, initializer.One)
		if !scope.IsTraining(x.Graph()) {
			return affine(scope, scaled(Sub(x, Reshape(movingMean.NodeValue(x), 1, -1)), Reshape(movingVariance.NodeValue(x), 1, -1)))
		}
		batch, units := x.Shape().Dim(0), x.Shape().Dim(1)
		whole := batch - batch%size
		var y, means, variances []*Node
		for _, part := range [][2]int{{0, whole}, {whole, batch}} {
			images := part[1] - part[0]
			if images == 0 {
				continue
			}
			// A unit of each of k ghost batches is a column of its own. Image i goes to ghost i mod k: a minibatch is in random order.
			k := max(1, images/size)
			ghosts := Reshape(Slice(x, AxisRange(part[0], part[1])), images/k, k*units)
			mean, variance := bnlib.BatchStatistics(ghosts)
			y = append(y, Reshape(scaled(Sub(ghosts, mean), variance), images, units))
			means, variances = append(means, Reshape(mean, k, units)), append(variances, Reshape(variance, k, units))
		}
		moveInTurn(movingMean, Concatenate(means, 0))
		moveInTurn(movingVariance, Concatenate(variances, 0))
		return affine(scope, Concatenate(y, 0))
	}}
}

// moveInTurn moves an average, [units], towards each row of batches, [k, units], one after the other: row j, from 0 on, is left with a
// weight of (1 − momentum)·momentum^(k−1−j).
func moveInTurn(average *model.Variable, batches *Node) {
	k := batches.Shape().Dim(0)
	left := math.Pow(bnlib.Momentum, float64(k)) // of the average as it was
	weights := make([][]float64, k)
	for j := range weights {
		weights[j] = []float64{(1 - bnlib.Momentum) * math.Pow(bnlib.Momentum, float64(k-1-j)) / (1 - left)}
	}
	bnlib.MoveTowards(average, ReduceSum(Mul(batches, ConstAs(batches, weights)), 0), left)
}
