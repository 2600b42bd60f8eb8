package bnlib

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"
)

// crossEntropy returns the mean cross-entropy in nats, a scalar. logits is [batch, 10], labels [batch] int32.
func crossEntropy(logits, labels *Node) *Node {
	labels = Reshape(labels, -1, 1) // [batch, 1]
	return ReduceAllMean(loss.SparseCategoricalCrossEntropyLogits([]*Node{labels}, []*Node{logits}))
}

// correct returns how many images are classified right, a scalar int32. A network whose logits are not numbers answers
// class 0, as TensorFlow's argmax does; backends differ in what they make of NaN.
func correct(logits, labels *Node) *Node {
	logits = Where(IsNaN(logits), BroadcastToShape(Infinity(logits.Graph(), logits.DType(), -1), logits.Shape()), logits)
	return ReduceAllSum(ConvertDType(Equal(ArgMax(logits, -1, dtypes.Int32), labels), dtypes.Int32))
}

// descend makes a step of plain stochastic gradient descent, w ← w − rate·∂loss/∂w, for every trainable variable of scope
// that loss depends on. rate is a scalar.
func descend(scope *model.Scope, loss, rate *Node) {
	var variables []*model.Variable
	var values []*Node
	for v := range scope.IterVariables() {
		if v.Trainable && v.InUseByGraph(loss.Graph()) {
			variables, values = append(variables, v), append(values, v.NodeValue(loss))
		}
	}
	if len(variables) == 0 {
		return
	}
	for i, gradient := range Gradient(loss, values...) {
		variables[i].SetNodeValue(Sub(values[i], Mul(gradient, rate)))
	}
}

// pixels turns bytes into numbers in [0, 1].
func pixels(images *Node) *Node {
	return DivScalar(ConvertDType(images, dtypes.Float32), 255)
}
