package norms

import (
	"batchnorm/bnlib"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// affine returns gamma·x + beta. It creates gamma (ones) and beta (zeros) in scope, [units] each.
func affine(scope *model.Scope, x *Node) *Node {
	return Add(Mul(x, perUnit(scope, "gamma", initializer.One, x)), perUnit(scope, "beta", initializer.Zero, x))
}

// perUnit returns a variable with a number for each unit of x, [1, units], which it creates in scope.
func perUnit(scope *model.Scope, name string, start model.VariableInitializer, x *Node) *Node {
	v := scope.WithInitializer(start).VariableWithShape(name, shapes.Make(x.DType(), x.Shape().Dim(-1)))
	return Reshape(v.NodeValue(x.Graph()), 1, -1)
}

// scaled returns x/√(variance + epsilon).
func scaled(x, variance *Node) *Node { return Div(x, Sqrt(AddScalar(variance, bnlib.Epsilon))) }
