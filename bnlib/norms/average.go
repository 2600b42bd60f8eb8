package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// averaged returns, in training, a statistic of the minibatch, as it is given, and moves its average towards it; in inference it returns
// the average. batch and the result are [1, units]; the average, which it creates in scope, is [units].
func averaged(scope *model.Scope, name string, start model.VariableInitializer, batch *Node) *Node {
	average := bnlib.MovingAverage(scope, name, batch, start)
	if !scope.IsTraining(batch.Graph()) {
		return Reshape(average.NodeValue(batch), 1, -1)
	}
	bnlib.MoveTowards(average, batch, bnlib.Momentum)
	return batch
}
