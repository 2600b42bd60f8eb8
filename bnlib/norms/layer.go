package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Layer is layer normalization: an image is normalized over its units, whatever else is in the minibatch (Ba, Kiros and Hinton 2016,
// "Layer Normalization", arXiv:1607.06450, section 3).
//
//	μ = mean over j of x    σ² = mean over j of (x − μ)²    y = gamma·(x − μ)/√(σ² + epsilon) + beta
//
// μ and σ² are [batch, 1]. Training and inference are the same.
var Layer = bnlib.Norm{Name: "layer norm", Apply: func(scope *model.Scope, x *Node) *Node {
	return affine(scope.In("layer_norm"), overUnits(x))
}}

// overUnits normalizes along the last axis.
func overUnits(x *Node) *Node {
	centered := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	return scaled(centered, ReduceAndKeep(Square(centered), ReduceMean, -1))
}
