package norms

import (
	"fmt"

	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Momentum is batch normalization whose moving averages have a momentum of their own, 0 or above and below 1; any other panics. Training
// does not see the averages, so it is that of bnlib.Batch, whatever the momentum; inference differs.
//
// The averages start at mean 0 and variance 1, which after t steps still have a weight of momentum^t. If debiased, a batch moves them by
// (1 − momentum)/(1 − momentum^t) instead of 1 − momentum, which leaves nothing of the start: after the first step they are the first
// batch's statistics (Adam divides by 1 − momentum^t to the same end: Kingma and Ba 2015, arXiv:1412.6980, section 3). 1 − momentum^t is
// a variable of the layer, seen.
func Momentum(momentum float64, debiased bool) bnlib.Norm {
	if !(momentum >= 0 && momentum < 1) {
		panic(fmt.Errorf("norms: Momentum(%v); allowed: 0 or above, below 1", momentum))
	}
	name := fmt.Sprintf("momentum %v", momentum)
	if debiased {
		name += ", debiased"
	}
	return bnlib.Norm{Name: name, Apply: func(scope *model.Scope, x *Node) *Node {
		scope = scope.In("batch_norm")
		gamma, beta := bnlib.GammaBeta(scope, x)
		movingMean := bnlib.MovingAverage(scope, "moving_mean", x, initializer.Zero)
		movingVariance := bnlib.MovingAverage(scope, "moving_variance", x, initializer.One)
		if !scope.IsTraining(x.Graph()) {
			return bnlib.Normalize(x, gamma, beta, movingMean.NodeValue(x), movingVariance.NodeValue(x), bnlib.Epsilon)
		}
		mean, variance := bnlib.BatchStatistics(x)
		weight := ConstAs(x, 1-momentum)
		if debiased {
			seen := number(scope, "seen", x)
			seen.SetNodeValue(AddScalar(MulScalar(seen.NodeValue(x), momentum), 1-momentum))
			weight = Div(weight, seen.NodeValue(x))
		}
		move := func(average *model.Variable, batch *Node) {
			old := average.NodeValue(x)
			average.SetNodeValue(Add(old, Mul(weight, Sub(Reshape(batch, -1), old))))
		}
		move(movingMean, mean)
		move(movingVariance, variance)
		return bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon)
	}}
}
