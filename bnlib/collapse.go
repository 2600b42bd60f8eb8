package bnlib

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"
)

// Collapse is what became of a network that gives nearly every image one class (the zero Collapse: it does not): its accuracy is the share of that class in
// the images, 0.098 on the test set for class 0, 0.1135 for class 1.
type Collapse struct {
	Class int     // the class it answers
	Share float64 // of the test images that it answers it for
	Cause Cause
}

func (c Collapse) String() string {
	if c == (Collapse{}) {
		return "has not collapsed"
	}
	return fmt.Sprintf("answers %d for %.4g%% of the test images: %s", c.Class, 100*c.Share, c.Cause)
}

// Cause says why a collapsed network cannot tell images apart.
type Cause int

const (
	// NotFinite: logits are NaN or infinite, and so is the loss. NaN counts as class 0.
	NotFinite Cause = iota + 1
	// Overflow: the loss is finite, but some number of the network is not, such as a moving variance beyond what a float32 holds:
	// its layer puts out the same for every image.
	Overflow
	// DeadUnits: in some hidden layer every ReLU is 0 on every image, so that what follows never sees the image. No
	// gradient comes back through such a layer.
	DeadUnits
	// ConstantOutput: the logits are finite and some units are alive, but one class wins everywhere; saturated units, or a
	// bias that outweighs everything.
	ConstantOutput
)

func (c Cause) String() string {
	switch c {
	case NotFinite:
		return "its logits are not finite"
	case Overflow:
		return "its batch statistics or weights overflow"
	case DeadUnits:
		return "a layer of dead units"
	case ConstantOutput:
		return "one class wins everywhere"
	}
	return fmt.Sprintf("Cause(%d)", int(c))
}

// Collapse returns what became of the network if it has collapsed, and whether it has: whether it gives one class to at least
// 99% of the test images after its last step. A run that did not come to its end has not. The cause was found when it ended:
// the first that holds of NotFinite, the last validation loss being NaN; Overflow; DeadUnits, in what probe.Signals saw after the
// last step; and ConstantOutput.
func (r *Run) Collapse() (c Collapse, collapsed bool) {
	if r == nil {
		return Collapse{}, false
	}
	class, share, collapsed := (&engine.Result{Answers: r.Answers}).Collapsed()
	if r.Status.Early() || !collapsed {
		return Collapse{}, false
	}
	return Collapse{Class: class, Share: share, Cause: r.cause}, true
}

// causeOf returns why a run that is over has collapsed; 0 if it has not.
func causeOf(r *Run) Cause {
	if _, _, collapsed := (&engine.Result{Answers: r.Answers}).Collapsed(); !collapsed {
		return 0
	}
	if math.IsNaN(r.Last().Loss) {
		return NotFinite
	}
	for _, w := range r.Weights {
		if slices.ContainsFunc(w.Values, func(v float32) bool { return v-v != 0 }) {
			return Overflow
		}
	}
	if seen := r.Seen[probe.Signals.Name]; seen != nil && slices.Contains(seen.Steps, len(r.Losses)) {
		signals := probe.SignalsOf(seen)
		if slices.ContainsFunc(signals[len(signals)-1], func(s probe.Signal) bool { return s.Dead == 1 }) {
			return DeadUnits
		}
	}
	return ConstantOutput
}
