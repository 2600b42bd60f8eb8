package norms

import (
	"batchnorm/bnlib"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// averaged returns, in training, a statistic of the minibatch, as it is given, and moves its average towards it; in inference it returns
// the average. batch and the result are [1, units]; the average, which it creates in scope, is [units].
func averaged(scope *model.Scope, name string, start model.VariableInitializer, batch *Node) *Node {
	shape := shapes.Make(batch.DType(), batch.Shape().Size())
	average := scope.WithInitializer(start).VariableWithShape(name, shape).SetTrainable(false)
	if !scope.IsTraining(batch.Graph()) {
		return Reshape(average.NodeValue(batch.Graph()), 1, -1)
	}
	bnlib.MoveTowards(average, batch)
	return batch
}
