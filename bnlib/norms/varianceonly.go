package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// VarianceOnly is batch normalization that divides by the standard deviation and leaves the mean.
//
//	μ = mean over i of x    σ² = mean over i of (x − μ)²    y = gamma·x/√(σ² + epsilon) + beta
//
// σ² is [1, units], and its average moving_variance starts at ones.
var VarianceOnly = bnlib.Norm{Name: "variance only", Apply: func(scope *model.Scope, x *Node) *Node {
	scope = scope.In("variance_only")
	_, variance := bnlib.BatchStatistics(x)
	return affine(scope, scaled(x, averaged(scope, "moving_variance", initializer.One, variance)))
}}
