package bnlib

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// Experiment is what a reader edits: how a network looks and how it is trained.
//
// In an Experiment written as a literal, a field left at zero has the article's value: Experiment{} is the article's first
// experiment. The entries of Article and the results of Complete have every field filled in, and there a zero is a zero:
// setting InitStd to 0 asks for weights of zero, setting Batch to 0 is an error.
type Experiment struct {
	Name         string          // for titles and labels; changes nothing that is computed
	InitStd      float64         // standard deviation of the normal initial weights; default 0.05
	LearningRate float64         // of plain stochastic gradient descent, constant; default 0.01
	Activation   activation.Type // of the hidden layers; default ReLU
	Hidden       []int           // units of each hidden layer; default 128, 128, 128
	Batch        int             // images in a minibatch; default 60
	Steps        int             // training steps; default 50000
	Every        int             // steps between two evaluations; default 500
	Seed         uint64          // of the initial weights and of the order of the images
	Model        ModelFunc       // nil: the article's network, see Network.Logits

	complete bool // zeros are meant
}

// ModelFunc builds the graph of a network: an ordinary GoMLX model function, which creates its variables in scope and asks
// scope.IsTraining whether it is training. images is [batch, 784] float32 in [0, 1]; the result, the logits, is
// [batch, 10] float32.
//
// Variables of two or more axes that are created with the scope's own initializer start as Experiment.InitStd says, those of
// fewer axes at zero; any other initializer is respected.
type ModelFunc func(scope *model.Scope, images *graph.Node) *graph.Node

// Network is one network to train: an experiment, with or without batch normalization.
type Network struct {
	Experiment
	BatchNorm bool // ignored where Experiment.Model is set
}

// QuickEnv names the environment variable that, when not empty, shortens every training to a few steps, so that a notebook
// can be tested in seconds.
const QuickEnv = "BATCHNORM_QUICK"

const (
	articleTrainImages = 55000

	quickSteps = 60
	quickEvery = 20
)

// Complete returns e with the article's value in each field left at zero. From then on a zero is meant.
func (e Experiment) Complete() Experiment {
	if e.complete {
		return e
	}
	first := Article[1]
	setDefault(&e.InitStd, first.InitStd)
	setDefault(&e.LearningRate, first.LearningRate)
	setDefault(&e.Activation, first.Activation)
	if e.Hidden == nil {
		e.Hidden = slices.Clone(first.Hidden)
	}
	setDefault(&e.Batch, first.Batch)
	setDefault(&e.Steps, first.Steps)
	setDefault(&e.Every, first.Every)
	e.complete = true
	return e
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// shorten applies quick mode.
func (e Experiment) shorten() Experiment {
	if os.Getenv(QuickEnv) != "" {
		e.Steps, e.Every = min(e.Steps, quickSteps), min(e.Every, quickEvery)
	}
	return e
}

// Validate returns an error for each field that no network can be trained with: its name, its value, what is allowed.
// trainImages is the size of the training set; 0 stands for the article's 55000.
func (e Experiment) Validate(trainImages int) error {
	if trainImages == 0 {
		trainImages = articleTrainImages
	}
	e = e.Complete()
	var errs []error
	check := func(ok bool, field string, value any, allowed string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("bnlib: Experiment.%s is %v; allowed: %s", field, value, fmt.Sprintf(allowed, args...)))
		}
	}
	check(e.InitStd >= 0 && finite(float64(float32(e.InitStd))), "InitStd", e.InitStd, "a finite number, 0 or above")
	check(e.LearningRate >= 0 && finite(float64(float32(e.LearningRate))), "LearningRate", e.LearningRate, "a finite number, 0 or above")
	check(e.Activation.IsAType(), "Activation", int(e.Activation), "one of GoMLX's: %s", strings.Join(activation.TypeStrings(), ", "))
	check(len(e.Hidden) > 0, "Hidden", e.Hidden, "at least one layer, such as []int{128}")
	for i, units := range e.Hidden {
		check(units >= 1 && units <= math.MaxInt16, fmt.Sprintf("Hidden[%d]", i), units, "1 to %d units", math.MaxInt16)
	}
	check(e.Batch >= 1 && e.Batch <= trainImages, "Batch", e.Batch, "1 to %d, the number of training images", trainImages)
	check(e.Steps >= 1 && e.Steps <= math.MaxInt32, "Steps", e.Steps, "1 to %d", math.MaxInt32)
	check(e.Every >= 1 && e.Every <= math.MaxInt32, "Every", e.Every, "1 to %d", math.MaxInt32)
	return errors.Join(errs...)
}

// Pair returns the two networks of an experiment, without and with batch normalization.
func (e Experiment) Pair() []Network {
	return []Network{{Experiment: e}, {Experiment: e, BatchNorm: true}}
}
