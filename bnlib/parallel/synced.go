package parallel

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Synced is synchronised batch normalization: bnlib.Batch with the statistics of the whole minibatch, wherever its images are. It costs
// two all-reduces of [units] numbers in the forward pass and two in the backward pass. Its moving averages are the same on every
// device. On one device it is bnlib.Batch.
//
// PyTorch's SyncBatchNorm gathers each device's mean, variance and count instead, in one exchange.
var Synced = bnlib.Norm{Name: "synchronised batch norm", Color: bnlib.Batch.Color, Apply: func(scope *model.Scope, x *Node) *Node {
	scope = scope.In("batch_norm")
	gamma, beta := bnlib.GammaBeta(scope, x)
	movingMean := bnlib.MovingAverage(scope, "moving_mean", x, initializer.Zero)
	movingVariance := bnlib.MovingAverage(scope, "moving_variance", x, initializer.One)
	if !scope.IsTraining(x.Graph()) {
		return bnlib.Normalize(x, gamma, beta, movingMean.NodeValue(x), movingVariance.NodeValue(x), bnlib.Epsilon)
	}
	mean, variance := Statistics(x)
	bnlib.MoveTowards(movingMean, mean, bnlib.Momentum)
	bnlib.MoveTowards(movingVariance, variance, bnlib.Momentum)
	return bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon)
}}

// Statistics returns mean and biased variance of every unit over the images of all devices, which have as many each. The variance is
// that around the mean of all: the mean of the devices' own variances would leave out how far their means lie apart.
//
// x is [batch, units] on each device; mean and variance are [1, units], the same on all.
func Statistics(x *Node) (mean, variance *Node) {
	own, _ := bnlib.BatchStatistics(x)
	mean = Mean(own)
	variance = Mean(ReduceAndKeep(Square(Sub(x, mean)), ReduceMean, 0))
	return mean, variance
}
