package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// RMS is root mean square normalization, Layer without its mean (Zhang and Sennrich 2019, "Root Mean Square Layer Normalization",
// arXiv:1910.07467, section 4). Beta is what the paper has as the layer's bias.
//
//	y = gamma·x/√(mean over j of x² + epsilon) + beta
//
// The mean is [batch, 1]. Training and inference are the same.
var RMS = bnlib.Norm{Name: "RMS norm", Apply: func(scope *model.Scope, x *Node) *Node {
	return affine(scope.In("rms_norm"), scaled(x, ReduceAndKeep(Square(x), ReduceMean, -1)))
}}
