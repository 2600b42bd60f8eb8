// Package engine trains networks: several at once, each on a core of its own, with the loop over the steps on the device. It
// knows networks by what decides their numbers, a [Spec], and gives back a [Result].
//
// Where to look: the gradient is taken in step.go, minibatches are drawn in minibatch.go, the loop is compiled in loop.go, work is
// spread over cores in workers.go.
package engine

import (
	"math"

	"batchnorm/bnlib/probe"
	"batchnorm/data"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Spec is a network and its training: all that decides its numbers, but for the data and the machine.
type Spec struct {
	Name string // in messages

	// Model builds the network: images [n, 784] float32 in [0, 1] to logits [n, 10]. Networks whose Same is equal and not nil have
	// model functions that build the same graphs, which are traced once.
	Model func(scope *model.Scope, images *Node) *Node
	Same  any

	Std      func(variable string) float64 // standard deviation of the initial values of variables that have no initializer of their own
	Rate     func(variable string) float64 // learning rate of a variable; 0: frozen
	Decay    func(variable string) float64 // weight decay: λ in w ← w − rate·(∂loss/∂w + λ·w); nil: none
	Schedule func(step int) float64        // factor of all rates at a step, from 0 on; nil: 1
	Steered  bool                          // Schedule is asked about a step shortly before it is made, and the device is called for a tenth of a second at most

	Seed  uint64
	Batch int // images in a minibatch
	Steps int
	Every int // steps between two evaluations

	Hooks   []probe.Hook
	Autopsy *probe.Hook // looks at a network that has collapsed after its last step, see Result.Collapsed; nil: nothing does
}

// Result is what a training has come to.
type Result struct {
	Losses     []float32         // training loss of each step's minibatch, before that step's update; NaN is always the same NaN
	Points     []Point           // evaluations on the validation images
	DivergedAt int               // first step, from 1 on, whose loss is not finite; 0: none
	Test       float64           // accuracy on the test images after the last step
	Answers    [data.Classes]int // how many test images are given each class after the last step

	Seen    map[string]*probe.History // what each hook recorded, by the hook's name
	Weights []Weight                  // every variable after the last step

	StepsPerSecond float64 // evaluations and compilation apart
	Lockstep       int     // number of networks in its program
	Over           bool    // all steps are done

	lostAt int // the first evaluation after the network was lost, see group.settle; 0: it is not
}

// Point is an evaluation on the validation images.
type Point struct {
	Step           int
	Loss, Accuracy float64
}

// Weight is a variable of a network.
type Weight struct {
	Name      string
	Dims      []int
	Trainable bool
	Values    []float32 // row-major
}

// collapseShare is the share of the test images that must get one class for a network to count as collapsed.
const collapseShare = 0.99

// Collapsed returns the class that the network gives most test images, the share of those, and whether that is nearly all.
func (r *Result) Collapsed() (class int, share float64, collapsed bool) {
	total := 0
	for c, n := range r.Answers {
		total += n
		if n > r.Answers[class] {
			class = c
		}
	}
	if total == 0 {
		return 0, 0, false
	}
	share = float64(r.Answers[class]) / float64(total)
	return class, share, share >= collapseShare
}

// canonical makes every NaN the same NaN: which one an operation gives is the processor's choice.
func canonical(values []float32) []float32 {
	for i, v := range values {
		if v != v {
			values[i] = float32(math.NaN())
		}
	}
	return values
}

func finite(x float32) bool { return x-x == 0 }
