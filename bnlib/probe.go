package bnlib

import (
	"fmt"
	"math"
	"slices"
)

// Probe says what to look at inside networks while they train, with Options.Probe. It changes no number of the training.
//
// A probe shows the first Images validation images to the network in training mode, so that batch normalization uses the
// statistics of these images, and takes a Signal wherever it recognizes a place in the network's graph, whatever model
// function built it:
//
//   - A PreActivation is the input of a sigmoid, of tanh, or of ReLU, max(x, 0). Of swish it is the input of the sigmoid,
//     which is swish's own.
//   - A Product is a product or convolution of something that depends on the images with something that has a trainable
//     variable in it and does not. The last product, which gives the logits, is no hidden layer's.
//
// Activations of other kinds (GELU, SELU, leaky ReLU, clipped ones such as hard sigmoid) are not recognized as such: there,
// the Product is all that is found.
type Probe struct {
	Images int   // how many validation images to look with, the first ones of the set; default 500
	Steps  []int // steps after which to look; default: at every evaluation, step 0 included
}

// Snapshot is what a network looked like inside after some step.
type Snapshot struct {
	Step       int
	Images     int              // number of images that the Signals are taken with
	Loss       float64          // on the minibatch of the next step, in nats
	Signals    []Signal         // of the hidden layers, in the order in which the network computes them
	Parameters []ParameterSizes // every trainable variable
}

// SignalKind says where in a layer a Signal is taken.
type SignalKind int

const (
	// Product is x·W, before batch normalization. A layer whose product goes to its activation without normalization has
	// only a PreActivation.
	Product SignalKind = iota
	// PreActivation is what the activation function is given: after the bias or after batch normalization.
	PreActivation
)

func (k SignalKind) String() string {
	switch k {
	case Product:
		return "product"
	case PreActivation:
		return "pre-activation"
	}
	return fmt.Sprintf("SignalKind(%d)", int(k))
}

// Signal summarises one array of a network, [images, units], over all its values.
type Signal struct {
	Layer string // path of the layer's scope within the network, such as "hidden_1"
	Kind  SignalKind
	Units int

	Mean, Std   float64    // NaN if no value is finite, and so are the percentiles
	Percentiles [5]float64 // at SignalPercentiles, exact; between two values, interpolated linearly
	Histogram   Histogram
	NotFinite   int // how many values are NaN or infinite; all the rest but Dead leaves them out

	Saturated float64 // share of values at which the slope of the sigmoid, or of tanh, is below 0.01; NaN where there is neither
	Dead      float64 // share of units whose ReLU is 0 on every image (of NaN it is NaN); NaN where there is no ReLU
}

// SignalPercentiles are the percentiles that a Signal records. Ioffe and Szegedy (2015, figure 1) draw the middle three.
var SignalPercentiles = [5]float64{5, 15, 50, 85, 95}

// HistogramBins is the number of bins of a Signal's Histogram.
const HistogramBins = 60

// Histogram counts values in equal bins from Min to Max, the smallest and the largest of them. The last bin includes Max;
// if all values are one, they are in the first bin. Min and Max are NaN if there are no values.
type Histogram struct {
	Min, Max float64
	Counts   []int // HistogramBins of them
}

// ParameterSizes describes one trainable variable at a step: Euclidean norms of its value, of the gradient on the minibatch
// of the next step, and of the update that this step makes, LearningRate times the gradient. After the last step it is the
// step that would follow.
type ParameterSizes struct {
	Name                   string // path of the variable within the network, such as "hidden_1/dense/weights"
	Norm, Gradient, Update float64
}

// Ratio is the size of the update relative to the parameter's own; NaN for a parameter of zeros.
func (p ParameterSizes) Ratio() float64 {
	if p.Norm == 0 {
		return math.NaN()
	}
	return p.Update / p.Norm
}

const defaultProbeImages = 500

// Validate returns an error for a field that cannot be met: its name, its value, what is allowed. steps is how many the
// network is trained, validationImages the size of the validation set; 0 stands for the article's 5000.
func (p *Probe) Validate(steps, validationImages int) error {
	if p == nil {
		return nil
	}
	if validationImages == 0 {
		validationImages = articleValidationImages
	}
	if p.Images < 0 || p.Images > validationImages {
		return fmt.Errorf("bnlib: Probe.Images is %d; allowed: 1 to %d, the number of validation images, or 0 for %d",
			p.Images, validationImages, defaultProbeImages)
	}
	for i, step := range p.Steps {
		if step < 0 || step > steps {
			return fmt.Errorf("bnlib: Probe.Steps[%d] is %d; allowed: 0 to %d, the network's steps", i, step, steps)
		}
	}
	return nil
}

const articleValidationImages = 5000

// images returns how many images to look with; validationImages is how many there are, 0 if not known.
func (p *Probe) images(validationImages int) int {
	n := p.Images
	if n == 0 {
		n = defaultProbeImages
	}
	if validationImages > 0 {
		n = min(n, validationImages)
	}
	return n
}

// steps returns the steps, in order, at which to look at a network.
func (p *Probe) steps(n Network) []int {
	var steps []int
	if p.Steps == nil {
		for step := 0; step < n.Steps; step += n.Every {
			steps = append(steps, step)
		}
		return append(steps, n.Steps)
	}
	for _, step := range p.Steps {
		steps = append(steps, min(step, n.Steps)) // quick mode trains fewer than the probe was told
	}
	slices.Sort(steps)
	return slices.Compact(steps)
}

// served reports whether a stored run has all snapshots that the probe asks for; any run serves no probe.
func (p *Probe) served(run *Run, validationImages int) bool {
	if p == nil {
		return true
	}
	for _, step := range p.steps(run.Network) {
		if !slices.ContainsFunc(run.Snapshots, func(s Snapshot) bool {
			return s.Step == step && s.Images == p.images(validationImages)
		}) {
			return false
		}
	}
	return true
}
