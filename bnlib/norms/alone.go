package norms

import (
	"fmt"
	"slices"

	"batchnorm/bnlib"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Alone is a norm as a layer of its own, with its variables and without a network, to be fed with numbers.
type Alone struct {
	Norm    bnlib.Norm
	backend compute.Backend
	store   *model.Store
	modes   map[bool]*model.Exec // in training, and in inference
}

// NewAlone returns a layer that has seen nothing yet. It panics for a norm without Apply.
func NewAlone(backend compute.Backend, norm bnlib.Norm) *Alone {
	if norm.Apply == nil {
		panic(fmt.Errorf("norms: NewAlone(%q): Norm.Apply is nil; allowed: a norm with Apply, such as bnlib.Batch", norm.Name))
	}
	return &Alone{norm, backend, model.NewStore(), map[bool]*model.Exec{}}
}

// Run puts x through the layer, in training or in inference, and returns what comes out, row-major: x is [batch, units] float32, and so
// is the result. In training the layer's averages move. What the norm cannot do is an error.
func (a *Alone) Run(training bool, x [][]float32) ([]float32, error) {
	if a.modes[training] == nil {
		exec, err := model.NewExec(a.backend, a.store, func(scope *model.Scope, x *Node) (y *Node) {
			a.store.SetTraining(x.Graph(), training)
			if failed := exceptions.Try(func() { y = a.Norm.Apply(scope, x) }); failed != nil {
				exceptions.Panicf("%v", failed) // GoMLX waits for ever where what is thrown is no error
			}
			return y
		})
		if err != nil {
			return nil, fmt.Errorf("norms: %s alone: %w", a.Norm.Name, err)
		}
		a.modes[training] = exec
	}
	out, err := a.modes[training].Call1(x)
	if err != nil {
		return nil, fmt.Errorf("norms: %s alone: %w", a.Norm.Name, err)
	}
	defer out.FinalizeAll()
	return tensors.CopyFlatData[float32](out)
}

// Variables returns the names of the layer's variables, such as "batch_norm/gamma"; none before it has run.
func (a *Alone) Variables() (names []string) {
	for v := range a.store.IterVariables() {
		names = append(names, v.Path()[1:])
	}
	slices.Sort(names)
	return names
}

// Value returns the numbers of a variable, row-major. A name that no variable has is an error.
func (a *Alone) Value(variable string) ([]float32, error) {
	v := a.store.GetVariable("/" + variable)
	if v == nil {
		return nil, fmt.Errorf("norms: %s has no variable %q; allowed: one of %q", a.Norm.Name, variable, a.Variables())
	}
	value, err := v.Value()
	if err != nil {
		return nil, fmt.Errorf("norms: %w", err)
	}
	return tensors.CopyFlatData[float32](value)
}

// Set gives all numbers of a variable one value.
func (a *Alone) Set(variable string, value float32) error {
	values, err := a.Value(variable)
	if err != nil {
		return err
	}
	for i := range values {
		values[i] = value
	}
	v := a.store.GetVariable("/" + variable)
	return v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...))
}
