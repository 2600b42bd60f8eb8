package norms

import (
	"batchnorm/bnlib"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// affine returns gamma·x + beta. It creates gamma (ones) and beta (zeros) in scope, [units] each.
func affine(scope *model.Scope, x *Node) *Node {
	gamma, beta := bnlib.GammaBeta(scope, x)
	return Add(Mul(x, Reshape(gamma, 1, -1)), Reshape(beta, 1, -1))
}

// perUnit returns a variable with a number for each unit of x, [1, units], which it creates in scope.
func perUnit(scope *model.Scope, name string, start model.VariableInitializer, x *Node) *Node {
	v := scope.WithInitializer(start).VariableWithShape(name, shapes.Make(x.DType(), x.Shape().Dim(-1)))
	return Reshape(v.NodeValue(x.Graph()), 1, -1)
}

// scaled returns x/√(variance + epsilon).
func scaled(x, variance *Node) *Node { return Div(x, Sqrt(AddScalar(variance, bnlib.Epsilon))) }
