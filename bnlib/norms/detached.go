package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Detached is batch normalization with a wrong gradient. It puts out what bnlib.Batch does, in training and in inference, and passes
// gamma and beta the same gradients; in that of x the statistics of the minibatch are constants. Of the right gradient (see
// bnlib.NormalizeBackward) the two means are missing:
//
//	dx = gamma·dy/√(σ² + epsilon)
//
// Ioffe and Szegedy (2015, arXiv:1502.03167, section 2) warn of steps that take no account of the normalization.
var Detached = bnlib.Norm{Name: "detached statistics", Apply: func(scope *model.Scope, x *Node) *Node {
	scope = scope.In("batch_norm")
	mean, variance := bnlib.BatchStatistics(StopGradient(x))
	mean = averaged(scope, "moving_mean", initializer.Zero, mean)
	variance = averaged(scope, "moving_variance", initializer.One, variance)
	return affine(scope, scaled(Sub(x, mean), variance))
}}
