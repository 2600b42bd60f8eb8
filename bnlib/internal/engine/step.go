package engine

import (
	"batchnorm/data"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"
)

// CrossEntropy returns the mean cross-entropy in nats, a scalar. logits is [batch, 10], labels [batch] int32.
func CrossEntropy(logits, labels *Node) *Node {
	labels = Reshape(labels, -1, 1) // [batch, 1]
	return ReduceAllMean(loss.SparseCategoricalCrossEntropyLogits([]*Node{labels}, []*Node{logits}))
}

// predictions returns the class that each image is given, [batch] int32. A network whose logits are not numbers answers
// class 0, as TensorFlow's argmax does; backends differ in what they make of NaN.
func predictions(logits *Node) *Node {
	logits = Where(IsNaN(logits), BroadcastToShape(Infinity(logits.Graph(), logits.DType(), -1), logits.Shape()), logits)
	return ArgMax(logits, -1, dtypes.Int32)
}

// correct returns how many images are classified right, a scalar int32. Both arguments are [batch].
func correct(predictions, labels *Node) *Node {
	return ReduceAllSum(ConvertDType(Equal(predictions, labels), dtypes.Int32))
}

// tally returns how many images are given each class, [10] int32. predictions is [batch].
func tally(predictions *Node) *Node {
	return ReduceSum(OneHot(predictions, data.Classes, dtypes.Int32), 0)
}

// descend makes a step of gradient descent, w ← w − rate·(∂loss/∂w + decay·w), for every trainable variable of scope that loss
// depends on. rate and decay give a scalar for a variable; decay is nil for none. A variable whose rate is 0 stays as it is,
// whatever its gradient.
func descend(scope *model.Scope, loss *Node, rate, decay func(*model.Variable) *Node) {
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
		v, w := variables[i], values[i]
		if decay != nil {
			gradient = Add(gradient, Mul(w, decay(v)))
		}
		r := rate(v)
		frozen := BroadcastToShape(Equal(r, ScalarZero(r.Graph(), r.DType())), w.Shape())
		v.SetNodeValue(Where(frozen, w, Sub(w, Mul(gradient, r))))
	}
}

// Pixels turns bytes into numbers in [0, 1].
func Pixels(images *Node) *Node {
	return DivScalar(ConvertDType(images, dtypes.Float32), 255)
}
