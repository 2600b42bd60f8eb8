package norms

import (
	"fmt"
	"math"

	"batchnorm/bnlib"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Renorm is batch renormalization: training normalizes, as far as r and d are not clipped, with the moving averages, as inference does,
// while the gradient flows through the statistics of the minibatch (Ioffe 2017, arXiv:1702.03275, Algorithm 1). With those, μ and σ, and
// the averages m and s,
//
//	x̂ = (x − μ)/σ·r + d,  r = clip(σ/s, 1/rMax, rMax),  d = clip((μ − m)/s, −dMax, dMax)
//
// r and d being constants to the gradient. Not clipped, x̂ is (x − m)/s. With rMax 1 and dMax 0 it is batch normalization, which it is
// for the first steps, as many as warmup; over as many again the limits rise linearly to rMax, 1 or above, and dMax, 0 or above. Other
// numbers, or infinite ones, panic.
//
// Averaged is σ, not σ², in moving_std; how many steps there were is a variable as well, steps.
func Renorm(rMax, dMax float64, warmup int) bnlib.Norm {
	if !(rMax >= 1 && dMax >= 0 && warmup >= 0) || math.IsInf(rMax+dMax, 0) {
		panic(fmt.Errorf("norms: Renorm(%v, %v, %d); allowed: finite numbers, rMax 1 or above, dMax and warmup 0 or above", rMax, dMax, warmup))
	}
	return bnlib.Norm{Name: fmt.Sprintf("renormalization, r to %v, d to %v", rMax, dMax), Color: "#8e4fa8", Apply: func(scope *model.Scope, x *Node) *Node {
		scope = scope.In("batch_norm")
		movingMean := bnlib.MovingAverage(scope, "moving_mean", x, initializer.Zero)
		movingStd := bnlib.MovingAverage(scope, "moving_std", x, initializer.One)
		steps := number(scope, "steps", x)
		m, s := Reshape(movingMean.NodeValue(x), 1, -1), Reshape(movingStd.NodeValue(x), 1, -1)
		if !scope.IsTraining(x.Graph()) {
			return affine(scope, Div(Sub(x, m), s))
		}
		mean, variance := bnlib.BatchStatistics(x)
		std := Sqrt(AddScalar(variance, bnlib.Epsilon))
		open := ClipScalar(DivScalar(AddScalar(steps.NodeValue(x), -float64(warmup)), max(1, float64(warmup))), 0, 1) // from 0, as batch norm, to 1
		if warmup == 0 {
			open = OnesLike(open)
		}
		largest, furthest := AddScalar(MulScalar(open, rMax-1), 1), MulScalar(open, dMax)
		r := StopGradient(Clip(Div(std, s), Reciprocal(largest), largest))
		d := StopGradient(Clip(Div(Sub(mean, m), s), Neg(furthest), furthest))
		bnlib.MoveTowards(movingMean, mean, bnlib.Momentum)
		bnlib.MoveTowards(movingStd, std, bnlib.Momentum)
		steps.SetNodeValue(AddScalar(steps.NodeValue(x), 1))
		return affine(scope, Add(Mul(Div(Sub(x, mean), std), r), d))
	}}
}

// number creates in scope a variable that the gradient does not move, a single number like those of x, 0.
func number(scope *model.Scope, name string, x *Node) *model.Variable {
	return scope.WithInitializer(initializer.Zero).VariableWithShape(name, shapes.Make(x.DType())).SetTrainable(false)
}
