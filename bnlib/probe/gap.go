package probe

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Gap measures the loss, in nats, and the accuracy of a network on the same images with different statistics. A record has the two numbers;
// its name says on which images and with which statistics:
//
//   - OwnStatistics: in training mode, a minibatch at a time
//   - MovingAverages: in inference
//   - ExactStatistics: in inference with the statistics of a part of the training images, see Exact
//
// The part is every k-th image, 11000 at most: a fifth of MNIST's. OnTraining is on all of these images, for the last two; OnMinibatches on
// minibatches drawn from them, as large as those that the network trains on and 20 of them if there are as many, for all three;
// OnValidation on all validation images, for the last two. A network without statistics has the same numbers for all three.
//
//	h := run.Seen[probe.Gap.Name].Of(probe.OnValidation + probe.ExactStatistics) // [look]{loss, accuracy}
var Gap = Hook{Name: "gap", Graph: func(l *Look) {
	const most, minibatches = 11000, 20
	images, labels := l.spread(most)
	n := images.Shape().Dim(0)
	batch, _ := l.Minibatch()
	size := min(n, batch.Shape().Dim(0))
	count := max(1, min(minibatches, n/size))

	statistics := l.Exact(images)
	averages, exact := l.Inference(images), l.InferenceAt(statistics, images)
	var own []*Node
	for i := range count {
		own = append(own, l.Logits(Slice(images, AxisRange(i*size, (i+1)*size))))
	}
	first := func(x *Node) *Node { return Slice(x, AxisRange(0, count*size)) }
	l.recordScore(OnMinibatches+OwnStatistics, Concatenate(own, 0), first(labels))
	l.recordScore(OnMinibatches+MovingAverages, first(averages), first(labels))
	l.recordScore(OnMinibatches+ExactStatistics, first(exact), first(labels))
	l.recordScore(OnTraining+MovingAverages, averages, labels)
	l.recordScore(OnTraining+ExactStatistics, exact, labels)
	images, labels = l.Validation(math.MaxInt)
	l.recordScore(OnValidation+MovingAverages, l.Inference(images), labels)
	l.recordScore(OnValidation+ExactStatistics, l.InferenceAt(statistics, images), labels)
}}

// The names of Gap's records: on which images, then with which statistics.
const (
	OnMinibatches = "minibatches, "
	OnTraining    = "training, "
	OnValidation  = "validation, "

	OwnStatistics   = "own statistics"
	MovingAverages  = "moving averages"
	ExactStatistics = "exact statistics"
)

// recordScore records loss and accuracy of logits [n, 10].
func (l *Look) recordScore(name string, logits, labels *Node) {
	right := ConvertDType(Equal(ArgMax(logits, -1, dtypes.Int32), labels), dtypes.Float32)
	l.Record(name, Stack([]*Node{l.CrossEntropy(logits, labels), ReduceAllMean(right)}, 0))
}
