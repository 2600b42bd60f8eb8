package norms

import (
	"batchnorm/bnlib"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// DyT is dynamic tanh, which squashes and knows no statistic (Zhu, Chen, He, LeCun and Liu 2025, "Transformers without Normalization",
// arXiv:2503.10622, section 4).
//
//	y = gamma·tanh(alpha·x) + beta
//
// alpha is one number, learned, and starts at 0.5. Training and inference are the same.
var DyT = bnlib.Norm{Name: "DyT", Apply: func(scope *model.Scope, x *Node) *Node {
	scope = scope.In("dyt")
	alpha := scope.VariableWithValue("alpha", shapes.CastAsDType(0.5, x.DType())).NodeValue(x.Graph())
	return affine(scope, Tanh(Mul(alpha, x)))
}}
