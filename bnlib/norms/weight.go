package norms

import (
	"batchnorm/bnlib"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Weight is weight normalization: not the signal is normalized but each unit's weights, a column v of length 1 times a gain (Salimans and
// Kingma 2016, "Weight Normalization", arXiv:1602.07868, section 2).
//
//	W = gain·v/‖v‖    y = activation(x·W + b)
//
// v is dense/weights, [inputs, units], and starts as the weights of any other norm; ‖v‖, [1, units], has no epsilon. gain, [units], starts
// at ones, whatever the standard deviation of v is. (The paper starts gain and b from a first minibatch, section 3, which an initial
// value here does not see.) Training and inference are the same.
var Weight = bnlib.Norm{Name: "weight norm",
	Layer: func(scope *model.Scope, x *Node, units int, activation func(*Node) *Node) *Node {
		scope = scope.In("dense")
		v := scope.VariableWithShape("weights", shapes.Make(x.DType(), x.Shape().Dim(-1), units)).NodeValue(x.Graph())
		direction := Div(v, Sqrt(ReduceAndKeep(Square(v), ReduceSum, 0)))
		gain, bias := perUnit(scope, "gain", initializer.One, v), perUnit(scope, "biases", initializer.Zero, v)
		return activation(Add(Dot(x, Mul(direction, gain)).Product(), bias))
	}}
