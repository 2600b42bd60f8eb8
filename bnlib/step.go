package bnlib

import (
	"batchnorm/data"

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

// answers returns the class that each image is given, [batch] int32. A network whose logits are not numbers answers
// class 0, as TensorFlow's argmax does; backends differ in what they make of NaN.
func answers(logits *Node) *Node {
	logits = Where(IsNaN(logits), BroadcastToShape(Infinity(logits.Graph(), logits.DType(), -1), logits.Shape()), logits)
	return ArgMax(logits, -1, dtypes.Int32)
}

// correct returns how many images are classified right, a scalar int32. Both arguments are [batch].
func correct(answers, labels *Node) *Node {
	return ReduceAllSum(ConvertDType(Equal(answers, labels), dtypes.Int32))
}

// tally returns how many images are given each class, [10] int32. answers is [batch].
func tally(answers *Node) *Node {
	return ReduceSum(OneHot(answers, data.Classes, dtypes.Int32), 0)
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
