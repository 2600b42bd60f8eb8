package bnlib

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unsafe"

	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// Network is one network to train: an experiment with a norm.
type Network struct {
	Experiment
	Norm Norm // of the article's network; where Experiment.Model is set its name and colour are those of the network
}

// Logits builds the article's network: hidden layers of a linear map without bias, the norm and the activation, or, without norm, of
// an affine map and the activation, or as Norm.Layer says; then a last layer with bias.
//
// images is [batch, 784]; the result is [batch, 10].
func (n Network) Logits(scope *model.Scope, images *Node) *Node {
	x := images
	for i, units := range n.Hidden {
		layer := scope.In("hidden_%d", i+1)
		if n.Norm.Layer != nil {
			x = n.called(layer, "Layer", x, units, func() *Node {
				return n.Norm.Layer(layer, x, units, func(x *Node) *Node { return activate(n.Activation, x) })
			})
			continue
		}
		x = layers.Dense(layer, x, n.Norm.Apply == nil, units) // [batch, units]
		if n.Norm.Apply != nil {
			x = n.called(layer, "Apply", x, units, func() *Node { return n.Norm.Apply(layer, x) })
		}
		x = activate(n.Activation, x)
	}
	return layers.Dense(scope.In("logits"), x, true, data.Classes)
}

// called calls a function of the norm, which is given x, and asserts that it gives what a layer needs, [batch, units].
func (n Network) called(scope *model.Scope, function string, x *Node, units int, call func() *Node) (y *Node) {
	want := shapes.Make(x.DType(), x.Shape().Dim(0), units)
	err := engine.TryCatch(func() error {
		y = call()
		return nil
	})
	switch {
	case err != nil:
	case y == nil:
		err = errors.New("it returns nil")
	case !y.Shape().Equal(want):
		err = fmt.Errorf("it returns %s", y.Shape())
	}
	if err != nil {
		panic(fmt.Errorf("%s: Norm.%s of %q, given %s; allowed: a function that returns %s: %w",
			path.Base(scope.Scope()), function, n.Norm.Name, x.Shape(), want, err))
	}
	return y
}

// activate applies an activation to pre-activations.
//
// ReLU is written out for its gradient at 0, which is 0 in TensorFlow, PyTorch and JAX and 1 in GoMLX's. It counts where a layer
// is dead for an image: what follows sees zeros, and pre-activations that are exactly 0 must pass nothing back.
func activate(act activation.Type, x *Node) *Node {
	if act == activation.TypeRelu {
		return Max(ZerosLike(x), x) // the gradient of Max goes to its first argument where both are equal
	}
	return activation.Apply(act, x)
}

// model returns the function that builds n.
func (n Network) model() ModelFunc {
	if n.Model != nil {
		return n.Model
	}
	return n.Logits
}

// Rate returns the learning rate of a variable, such as "hidden_1/dense/weights".
func (n Network) Rate(variable string) float64 { return n.Rates.of(variable, n.LearningRate) }

// describe names a network in a message.
func (n Network) describe() string {
	var parts []string
	if n.Name != "" {
		parts = append(parts, fmt.Sprintf("%q", n.Name))
	}
	switch {
	case n.Model != nil:
		parts = append(parts, "(model function of your own)")
	case n.Norm.Name != "":
		parts = append(parts, "("+n.Norm.Name+")")
	}
	if len(parts) == 0 {
		return "without a name"
	}
	return strings.Join(parts, " ")
}

// validate returns an error for each field that the network cannot be trained with, which says which network of a call it is: the
// one at i of so many.
func (n Network) validate(trainImages, i, of int) error {
	var errs []error
	for _, fault := range n.faults(trainImages) {
		which := n.describe()
		if of > 1 {
			which = fmt.Sprintf("%d of %d, %s, seed %d", i+1, of, which, n.Seed)
		}
		errs = append(errs, fmt.Errorf("bnlib: network %s: %s", which, fault))
	}
	return errors.Join(errs...)
}

// sameGraphs is equal for networks whose model functions build the same graphs: those with the same functions and settings.
type sameGraphs struct {
	hidden             string
	activation         activation.Type
	norm, layer, model unsafe.Pointer
}

// pointer tells closures apart that have the same code: it points to what they hold.
func pointer[F any](f *F) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(f)) }

// spec returns what the engine trains.
func (n Network) spec(hooks []probe.Hook) *engine.Spec {
	s := &engine.Spec{
		Name:     n.describe(),
		Model:    n.model(),
		Same:     sameGraphs{fmt.Sprint(n.Hidden), n.Activation, pointer(&n.Norm.Apply), pointer(&n.Norm.Layer), pointer(&n.Model)},
		Std:      func(variable string) float64 { return n.Stds.of(variable, n.InitStd) },
		Rate:     n.Rate,
		Schedule: n.Schedule,
		Seed:     n.Seed,
		Batch:    n.Batch,
		Steps:    n.Steps,
		Every:    n.Every,
		Hooks:    hooks,
		Autopsy:  &probe.Signals,
	}
	if len(n.Decay) > 0 {
		s.Decay = func(variable string) float64 { return n.Decay.of(variable, 0) }
	}
	return s
}

// trace runs n's model function, and says which variable is given two numbers.
func (n Network) trace(tracer *engine.Tracer, hooks []probe.Hook) (*engine.Network, error) {
	spec := n.spec(hooks)
	trace, err := tracer.Trace(spec)
	if err != nil {
		return nil, fmt.Errorf("bnlib: %w", err)
	}
	for _, f := range n.byVariable() {
		if err := f.of.validate("Experiment."+f.name, trainedNames(trace)); err != nil {
			return nil, fmt.Errorf("bnlib: network %s: %w", n.describe(), err)
		}
	}
	return &engine.Network{Spec: spec, Trace: trace}, nil
}

// trainedNames returns the names of the variables that training moves.
func trainedNames(trace *engine.Trace) []string {
	var names []string
	for _, v := range trace.Variables {
		if v.Trainable {
			names = append(names, v.Name)
		}
	}
	return names
}
