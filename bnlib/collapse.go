package bnlib

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
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
	case DeadUnits:
		return "a layer of dead units"
	case ConstantOutput:
		return "one class wins everywhere"
	}
	return fmt.Sprintf("Cause(%d)", int(c))
}

// collapseShare is the share of the test images that must get one class for a network to count as collapsed.
const collapseShare = 0.99

// Collapse returns what became of the network if it has collapsed, and whether it has: whether it gives one class to at least
// 99% of the test images after its last step. A run that did not come to its end has not.
//
// The cause is, the first that holds:
//
//   - NotFinite if the last validation loss is NaN;
//   - DeadUnits if a hidden layer has only dead units: in the snapshot of the last step, or, if the run has none and the
//     network is the article's with ReLU, in a forward pass through its stored weights, in inference, of the first 500
//     validation images of MNIST;
//   - ConstantOutput.
func (r *Run) Collapse() (c Collapse, collapsed bool) {
	total := 0
	for class, n := range r.Answers {
		total += n
		if n > r.Answers[c.Class] {
			c.Class = class
		}
	}
	if r.Status.Early() || total == 0 {
		return Collapse{}, false
	}
	c.Share = float64(r.Answers[c.Class]) / float64(total)
	if c.Share < collapseShare {
		return Collapse{}, false
	}
	switch {
	case math.IsNaN(r.Last().Loss):
		c.Cause = NotFinite
	case r.deadLayer():
		c.Cause = DeadUnits
	default:
		c.Cause = ConstantOutput
	}
	return c, true
}

// deadLayer reports whether every unit of some hidden layer is dead.
func (r *Run) deadLayer() bool {
	if n := len(r.Snapshots); n > 0 && r.Snapshots[n-1].Step == len(r.Losses) {
		return slices.ContainsFunc(r.Snapshots[n-1].Signals, func(s Signal) bool { return s.Dead == 1 })
	}
	if r.Network.Model != nil || r.Network.Activation != activation.TypeRelu {
		return false
	}
	d, err := data.MNIST()
	if err != nil {
		return false
	}
	const images = defaultProbeImages
	x := make([]float64, 0, images*data.Pixels)
	for _, pixel := range d.Validation.Images[:images*data.Pixels] {
		x = append(x, float64(pixel)/255)
	}
	for i, units := range r.Network.Hidden {
		var ok bool
		if x, ok = r.hiddenLayer(fmt.Sprintf("hidden_%d/", i+1), x, len(x)/images, units); !ok {
			return false
		}
		if !slices.ContainsFunc(x, func(v float64) bool { return v != 0 }) {
			return true
		}
	}
	return false
}

// hiddenLayer computes a hidden layer of the article's network, with ReLU, from the run's weights, in inference. x is
// [images, inputs], the result [images, units]. It is not ok if the run has no such layer.
func (r *Run) hiddenLayer(scope string, x []float64, inputs, units int) (y []float64, ok bool) {
	find := func(name string, size int) []float32 {
		if w, ok := r.Weight(scope + name); ok && len(w.Values) == size {
			return w.Values
		}
		return nil
	}
	w := find("dense/weights", inputs*units)
	// The layer's output is ReLU(x·W·scale + shift).
	scale, shift := make([]float64, units), make([]float64, units)
	if bias := find("dense/biases", units); bias != nil {
		for u := range units {
			scale[u], shift[u] = 1, float64(bias[u])
		}
	} else {
		gamma, beta := find("batch_norm/gamma", units), find("batch_norm/beta", units)
		mean, variance := find("batch_norm/moving_mean", units), find("batch_norm/moving_variance", units)
		if gamma == nil || beta == nil || mean == nil || variance == nil {
			return nil, false
		}
		scale, shift = inInference(gamma, beta, mean, variance)
	}
	if w == nil {
		return nil, false
	}
	for row := range slices.Chunk(x, inputs) {
		out := make([]float64, units)
		for i, v := range row {
			if v == 0 {
				continue
			}
			for u, weight := range w[i*units : (i+1)*units] {
				out[u] += v * float64(weight)
			}
		}
		for u := range out {
			out[u] = max(out[u]*scale[u]+shift[u], 0)
		}
		y = append(y, out...)
	}
	return y, true
}
