package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
)

// AfterActivation is batch normalization of what comes out of the activation, which is the next layer's input; the linear map has a bias.
//
//	y = BatchNorm(activation(x·W + b))
//
// Ioffe and Szegedy (2015, arXiv:1502.03167, section 3.2) normalize before the activation and say why.
var AfterActivation = bnlib.Norm{Name: "after the activation",
	Layer: func(scope *model.Scope, x *Node, units int, activation func(*Node) *Node) *Node {
		return bnlib.BatchNorm(scope, activation(layers.Dense(scope, x, true, units)))
	}}
