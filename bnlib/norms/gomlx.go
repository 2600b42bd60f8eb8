package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
)

// GoMLX is GoMLX's own batch normalization with its defaults, of which epsilon and momentum are ours as well. In training it computes what
// bnlib.Batch does, by an operation of XLA's; in inference its averages are corrected for their start, as bnlib.Batch's are not. Its
// variables are scale, offset, mean, variance and avg_weight, in scope/batch_normalization. The pure-Go backend has no such operation.
var GoMLX = bnlib.Norm{Name: "GoMLX's layer", Apply: func(scope *model.Scope, x *Node) *Node {
	return norm.BatchNorm(scope, x, -1).Done()
}}
