package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// MeanOnly is batch normalization that takes off the mean and leaves the scale (Salimans and Kingma 2016, "Weight Normalization",
// arXiv:1602.07868, section 4, where weights are normalized besides).
//
//	μ = mean over i of x    y = x − μ + beta
//
// μ is [1, units], and its average moving_mean starts at zeros.
var MeanOnly = bnlib.Norm{Name: "mean only", Apply: func(scope *model.Scope, x *Node) *Node {
	scope = scope.In("mean_only")
	mean, _ := bnlib.BatchStatistics(x)
	return Add(Sub(x, averaged(scope, "moving_mean", initializer.Zero, mean)), perUnit(scope, "beta", initializer.Zero, x))
}}
