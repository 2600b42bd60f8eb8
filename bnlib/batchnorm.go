package bnlib

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/gomlx/compute/shapes"
)

// The defaults of tf.layers.batch_normalization, which the article used.
const (
	Epsilon  = 1e-3 // added to the variance
	Momentum = 0.99 // of the moving averages: m ← momentum·m + (1 − momentum)·batch
)

// BatchStatistics returns mean μ and variance σ² of every feature, the variance being the biased one, divided by the number of
// values (Ioffe and Szegedy 2015, Algorithm 1). A feature's values are those of all examples, and of all positions if x has
// axes for them: the channels of an image, [batch, height, width, channels], are normalized over examples and positions together
// (section 3.2).
//
// The mean is taken of the differences to the first value. A sum of large numbers is rounded: in float32, the mean of sixty times
// 1e8 would come out as 1e8 + 8, and a feature that is the same in every example would be normalized to −1.
//
// x is [batch, …, features], of two axes or more; mean and variance are [1, …, features].
func BatchStatistics(x *Node) (mean, variance *Node) {
	axes := valueAxes(x)
	first := StopGradient(Slice(x, slices.Repeat([]SliceAxisSpec{AxisRange(0, 1)}, len(axes))...))
	mean = Add(first, ReduceAndKeep(Sub(x, first), ReduceMean, axes...))
	variance = ReduceAndKeep(Square(Sub(x, mean)), ReduceMean, axes...)
	return mean, variance
}

// valueAxes are the axes that a feature's values lie along, all but the last.
func valueAxes(x *Node) []int {
	if x.Rank() < 2 {
		exceptions.Panicf("batch normalization of %s; allowed: [batch, …, features], two axes or more", x.Shape())
	}
	axes := make([]int, x.Rank()-1)
	for i := range axes {
		axes[i] = i
	}
	return axes
}

// perFeature gives v, a number for each feature, the shape [1, …, features], with as many axes as x has.
func perFeature(v, x *Node) *Node {
	return Reshape(v, append(slices.Repeat([]int{1}, x.Rank()-1), v.Shape().Size())...)
}

// Normalize returns gamma·(x − mean)/√(variance + epsilon) + beta, batch normalization with given statistics
// (Ioffe and Szegedy 2015, Algorithm 1).
//
// x is [batch, …, features], and so is the result; gamma, beta, mean and variance are [features], with or without axes of 1 before.
func Normalize(x, gamma, beta, mean, variance *Node, epsilon float64) *Node {
	row := func(v *Node) *Node { return perFeature(v, x) }
	normalized := Div(Sub(x, row(mean)), Sqrt(AddScalar(row(variance), epsilon)))
	return Add(Mul(normalized, row(gamma)), row(beta))
}

// NormalizeBackward is the gradient of Normalize with the statistics of the batch itself, derived by hand
// (Ioffe and Szegedy 2015, section 3): given dy, the gradient of the loss with respect to y, it returns those with respect to
// x, gamma and beta. With x̂ = (x − μ)/σ, σ = √(variance + epsilon) and dx̂ = gamma·dy,
//
//	dbeta  = Σ dy
//	dgamma = Σ dy·x̂
//	dx     = (dx̂ − mean(dx̂) − x̂·mean(dx̂·x̂))/σ
//
// sums and means over a feature's values. The two means are what the statistics' own dependence on x takes away.
//
// x and dy are [batch, …, features], and so is dx; gamma, mean and variance are [features], with or without axes of 1 before;
// dgamma and dbeta are [1, …, features].
func NormalizeBackward(x, gamma, mean, variance, dy *Node, epsilon float64) (dx, dgamma, dbeta *Node) {
	row := func(v *Node) *Node { return perFeature(v, x) }
	sigma := Sqrt(AddScalar(row(variance), epsilon))
	normalized := Div(Sub(x, row(mean)), sigma)
	dbeta = ReduceAndKeep(dy, ReduceSum, valueAxes(x)...)
	dgamma = ReduceAndKeep(Mul(dy, normalized), ReduceSum, valueAxes(x)...)
	dnormalized := Mul(dy, row(gamma))
	dx = Div(throughStatistics(dnormalized, normalized), sigma)
	return dx, dgamma, dbeta
}

// throughStatistics takes from d, a gradient with respect to the batch's elements with mean and variance held constant,
// what flows through the mean and the variance.
func throughStatistics(d, normalized *Node) *Node {
	axes := valueAxes(d)
	return Sub(Sub(d, ReduceAndKeep(d, ReduceMean, axes...)),
		Mul(normalized, ReduceAndKeep(Mul(d, normalized), ReduceMean, axes...)))
}

// BatchNorm is a batch normalization layer as the article used it. In training it normalizes with the statistics of the
// batch and moves the averages towards them; in inference it normalizes with the averages (tf.layers.batch_normalization;
// unlike GoMLX's norm.BatchNorm, whose averages are corrected for their start at 0 and 1). The moving variance is an average of
// biased variances, so for batches of m values it is (m − 1)/m times too small (Ioffe and Szegedy 2015, Algorithm 2, and PyTorch
// multiply by m/(m − 1)).
//
// x is [batch, …, features], of two axes or more, and so is the result. It creates gamma (ones), beta (zeros), moving_mean (zeros)
// and moving_variance (ones) in scope/batch_norm, each [features].
func BatchNorm(scope *model.Scope, x *Node) *Node {
	scope = scope.In("batch_norm")
	gamma, beta := GammaBeta(scope, x)
	movingMean := MovingAverage(scope, "moving_mean", x, initializer.Zero)
	movingVariance := MovingAverage(scope, "moving_variance", x, initializer.One)

	if !scope.IsTraining(x.Graph()) {
		return Normalize(x, gamma, beta, movingMean.NodeValue(x), movingVariance.NodeValue(x), Epsilon)
	}
	mean, variance := BatchStatistics(x)
	MoveTowards(movingMean, mean, Momentum)
	MoveTowards(movingVariance, variance, Momentum)
	return Normalize(x, gamma, beta, mean, variance, Epsilon)
}

// GammaBeta creates in scope what a layer learns to scale and to shift its normalized x [batch, …, features] with: gamma, ones, and
// beta, zeros, [features] each.
func GammaBeta(scope *model.Scope, x *Node) (gamma, beta *Node) {
	gamma = perFeatureVariable(scope, "gamma", x, initializer.One).NodeValue(x)
	beta = perFeatureVariable(scope, "beta", x, initializer.Zero).NodeValue(x)
	return gamma, beta
}

// MovingAverage creates in scope a variable that the gradient does not move: an average, [features], of a statistic of x [batch, …,
// features].
func MovingAverage(scope *model.Scope, name string, x *Node, start model.VariableInitializer) *model.Variable {
	return perFeatureVariable(scope, name, x, start).SetTrainable(false)
}

// MoveTowards makes one step of an exponential moving average: average ← momentum·average + (1 − momentum)·batch, where batch has as
// many numbers, in whatever shape.
func MoveTowards(average *model.Variable, batch *Node, momentum float64) {
	old := average.NodeValue(batch)
	average.SetNodeValue(Add(MulScalar(old, momentum), MulScalar(Reshape(batch, old.Shape().Dimensions...), 1-momentum)))
}

func perFeatureVariable(scope *model.Scope, name string, x *Node, start model.VariableInitializer) *model.Variable {
	return scope.WithInitializer(start).VariableWithShape(name, shapes.Make(x.DType(), x.Shape().Dim(-1)))
}
