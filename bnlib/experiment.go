package bnlib

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strings"

	"batchnorm/data"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// Experiment is what a reader edits: how a network looks and how it is trained. Every field says what it says, a zero included;
// begin with one of the article's, see Article.
type Experiment struct {
	Name         string          // for titles and labels; changes nothing that is computed
	InitStd      float64         // standard deviation of the normal initial weights
	LearningRate float64         // of stochastic gradient descent
	Activation   activation.Type // of the hidden layers
	Hidden       []int           // units of each hidden layer
	Batch        int             // images in a minibatch
	Steps        int             // training steps
	Every        int             // steps between two evaluations
	Seed         uint64          // of the initial weights and of the order of the images

	Stds     ByVariable             // standard deviations of some variables, in the place of InitStd
	Rates    ByVariable             // learning rates of some variables, in the place of LearningRate; 0: frozen
	Decay    ByVariable             // weight decay λ of some variables, w ← w − rate·(∂loss/∂w + λ·w); the others have none
	Schedule func(step int) float64 // factor of all learning rates at a step, the first being 0; nil: 1

	Model ModelFunc // nil: the article's network, see Network.Logits
}

// ModelFunc builds the graph of a network: an ordinary GoMLX model function, which creates its variables in scope and asks
// scope.IsTraining whether it is training. images is [batch, 784] float32 in [0, 1]; the result, the logits, is
// [batch, 10] float32.
//
// Variables of two or more axes that are created with the scope's own initializer start as Experiment.InitStd says, those of
// fewer axes at zero; any other initializer is respected.
type ModelFunc func(scope *model.Scope, images *graph.Node) *graph.Node

// QuickEnv names the environment variable that, when not empty, shortens every training to a few steps, so that a notebook
// can be tested in seconds.
const QuickEnv = "BATCHNORM_QUICK"

const (
	articleTrainImages      = 55000
	articleValidationImages = 5000

	quickSteps = 60
	quickEvery = 20
)

// Shortened returns the experiment as it is trained in quick mode, which QuickEnv names; otherwise as it is.
func (e Experiment) Shortened() Experiment {
	if os.Getenv(QuickEnv) != "" {
		e.Steps, e.Every = min(e.Steps, quickSteps), min(e.Every, quickEvery)
	}
	return e
}

// Validate returns an error for each field that no network can be trained with: its name, its value, what is allowed.
// trainImages is the size of the training set; 0 stands for the article's 55000.
func (e Experiment) Validate(trainImages int) error {
	var errs []error
	for _, fault := range e.faults(trainImages) {
		errs = append(errs, fmt.Errorf("bnlib: %s", fault))
	}
	return errors.Join(errs...)
}

// mostNumbers bounds what a network and the minibatches between two evaluations may hold in memory, in numbers of four bytes.
const mostNumbers = 1 << 28

// faults returns the errors of Validate in words.
func (e Experiment) faults(trainImages int) []string {
	if trainImages == 0 {
		trainImages = articleTrainImages
	}
	if trainImages < 0 {
		return []string{fmt.Sprintf("the number of training images is %d; allowed: 1 or more, or 0 for the article's %d", trainImages, articleTrainImages)}
	}
	var faults []string
	check := func(ok bool, field string, value any, allowed string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf("Experiment.%s is %v; allowed: %s", field, value, fmt.Sprintf(allowed, args...)))
		}
	}
	check(nonNegative(e.InitStd), "InitStd", e.InitStd, "a finite number, 0 or above")
	check(nonNegative(e.LearningRate), "LearningRate", e.LearningRate, "a finite number, 0 or above")
	check(e.Activation.IsAType(), "Activation", int(e.Activation), "one of GoMLX's: %s", strings.Join(activation.TypeStrings(), ", "))
	check(len(e.Hidden) > 0, "Hidden", e.Hidden, "at least one layer, such as []int{128}")
	weights, inputs := 0, data.Pixels
	for i, units := range e.Hidden {
		check(units >= 1 && units <= math.MaxInt16, fmt.Sprintf("Hidden[%d]", i), units, "1 to %d units", math.MaxInt16)
		if units = max(0, min(units, math.MaxInt16)); weights <= mostNumbers {
			weights, inputs = weights+inputs*units, units
		}
	}
	check(weights <= mostNumbers, "Hidden", e.Hidden, "layers of %d weights together, 1 GB", mostNumbers)
	check(e.Batch >= 1 && e.Batch <= trainImages, "Batch", e.Batch, "1 to %d, the number of training images", trainImages)
	check(e.Steps >= 1 && e.Steps <= math.MaxInt32, "Steps", e.Steps, "1 to %d", math.MaxInt32)
	check(e.Every >= 1 && e.Every <= math.MaxInt32, "Every", e.Every, "1 to %d", math.MaxInt32)
	if chunk := min(e.Every, e.Steps); e.Batch >= 1 && e.Batch <= trainImages {
		check(chunk <= mostNumbers/e.Batch, "Every", e.Every, "at most %d with minibatches of %d", mostNumbers/e.Batch, e.Batch)
	}
	for _, f := range e.byVariable() {
		for _, pattern := range slices.Sorted(maps.Keys(f.of)) {
			field := fmt.Sprintf("%s[%q]", f.name, pattern)
			check(nonNegative(f.of[pattern]), field, f.of[pattern], "a finite number, 0 or above")
			_, err := path.Match(pattern, "")
			check(err == nil, field, "malformed", `a path, such as "hidden_1/dense/weights" or "hidden_*"`)
		}
	}
	if e.Schedule != nil && e.Steps >= 1 && e.Steps <= math.MaxInt32 {
		if step, value, ok := e.checkSchedule(); !ok {
			check(false, fmt.Sprintf("Schedule(%d)", step), value, "a finite number, 0 or above, at every step from 0 to %d", e.Steps-1)
		}
	}
	return faults
}

// ActivationName writes the activation of the hidden layers as the field does: "ReLU", "sigmoid".
func (e Experiment) ActivationName() string {
	if e.Activation == activation.TypeRelu {
		return "ReLU"
	}
	return strings.ToLower(e.Activation.String())
}

// byVariable returns the fields that give variables a number of their own.
func (e Experiment) byVariable() []variableField {
	return []variableField{{"Stds", e.Stds}, {"Rates", e.Rates}, {"Decay", e.Decay}}
}

type variableField struct {
	name string
	of   ByVariable
}

// checkSchedule returns the first step at which Schedule gives no factor, and what it gives instead.
func (e Experiment) checkSchedule() (step int, value any, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			value, ok = fmt.Sprintf("a panic (%v)", r), false
		}
	}()
	for ; step < e.Steps; step++ {
		if factor := e.Schedule(step); !nonNegative(factor) {
			return step, factor, false
		}
	}
	return step, nil, true
}

// nonNegative reports whether x is a number, 0 or above, that is finite as a float32 as well.
func nonNegative(x float64) bool { return x >= 0 && finite(float64(float32(x))) }

// Pair returns the two networks of an experiment, without and with batch normalization.
func (e Experiment) Pair() []Network { return e.With(None, Batch) }

// With returns the experiment's networks with the given norms, in their order.
func (e Experiment) With(norms ...Norm) []Network {
	networks := make([]Network, len(norms))
	for i, norm := range norms {
		networks[i] = Network{Experiment: e, Norm: norm}
	}
	return networks
}

// clone returns a copy that shares no slice or map with e.
func (e Experiment) clone() Experiment {
	e.Hidden = slices.Clone(e.Hidden)
	e.Stds, e.Rates, e.Decay = maps.Clone(e.Stds), maps.Clone(e.Rates), maps.Clone(e.Decay)
	return e
}

// Seeds returns n experiments that are e but for their seeds: e.Seed, e.Seed+1, and so on.
func Seeds(e Experiment, n int) []Experiment {
	if n < 0 {
		panic(fmt.Errorf("bnlib: Seeds: n is %d; allowed: 0 or more", n))
	}
	experiments := make([]Experiment, n)
	for i := range experiments {
		experiments[i] = e.clone()
		experiments[i].Seed += uint64(i)
	}
	return experiments
}
