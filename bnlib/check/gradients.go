// Package check holds what a reader works out by hand against what the machine computes.
package check

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib/backend"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Derived is the gradient of a loss with respect to one node of its graph, derived by hand.
type Derived struct {
	Name   string
	Of     *Node // the node, an input or anything computed on the way to the loss
	ByHand *Node // its gradient, with as many elements
}

// Difference compares a gradient derived by hand with autodiff's, by the largest difference of two elements, in both
// types.
type Difference struct {
	Name    string
	Largest float64 // absolute value of the gradient's largest element
	Float64 float64 // largest difference when all is computed in float64
	Float32 float64 // and in float32
}

// Gradients compares gradients derived by hand with autodiff's. derive is given the inputs, turned into one type of
// number, builds a loss, a scalar, from them in training mode, and returns it with the gradients it derives; checks come in
// their order. Layers may create variables in scope.
//
// A gradient of another size than its node, and a graph that cannot be built or run, are errors.
func Gradients(derive func(scope *model.Scope, inputs []*Node) (loss *Node, derived []Derived), inputs ...*tensors.Tensor) ([]Difference, error) {
	if derive == nil {
		return nil, errors.New("check: Gradients: derive is nil; allowed: a function that returns a loss and gradients of it")
	}
	if len(inputs) == 0 || slices.Contains(inputs, nil) {
		return nil, fmt.Errorf("check: Gradients: of %d inputs none, or one of them, is there; allowed: one tensor or more, none of them nil", len(inputs))
	}
	on, err := backend.Open()
	if err != nil {
		return nil, err
	}
	var checks []Difference
	for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32} {
		names, byHand, byAutodiff, err := bothGradients(on, dtype, derive, inputs)
		if err != nil {
			return nil, fmt.Errorf("check: Gradients in %s: %w", dtype, err)
		}
		for i, name := range names {
			if dtype == dtypes.Float64 {
				largest, difference := compareGradients(byHand[i], byAutodiff[i])
				checks = append(checks, Difference{Name: name, Largest: largest, Float64: difference})
				continue
			}
			_, checks[i].Float32 = compareGradients(byHand[i], byAutodiff[i])
		}
	}
	return checks, nil
}

// bothGradients computes the gradients in one type and returns them as float64.
func bothGradients(on compute.Backend, dtype dtypes.DType, derive func(*model.Scope, []*Node) (*Node, []Derived),
	inputs []*tensors.Tensor) (names []string, byHand, byAutodiff [][]float64, err error) {
	store := model.NewStore()
	args := make([]any, len(inputs))
	for i, input := range inputs {
		args[i] = input
	}
	results, err := model.CallOnceN(on, store, func(scope *model.Scope, in []*Node) []*Node {
		store.SetTraining(in[0].Graph(), true)
		for i := range in {
			in[i] = ConvertDType(in[i], dtype)
		}
		loss, derived := derive(scope, in)
		if loss == nil || !loss.Shape().IsScalar() {
			panic(errors.New("derive returns no scalar for the loss; allowed: a loss such as ReduceAllSum(…), and gradients of it"))
		}
		if len(derived) == 0 {
			panic(errors.New("derive returns no gradients; allowed: one or more"))
		}
		var nodes, hand []*Node
		for _, d := range derived {
			if d.Of == nil || d.ByHand == nil {
				panic(fmt.Errorf("the gradient of %q has Of or ByHand nil; allowed: two nodes", d.Name))
			}
			if d.Of.Shape().Size() != d.ByHand.Shape().Size() {
				panic(fmt.Errorf("the gradient of %s by hand is %s; want the size of its node, %s", d.Name, d.ByHand.Shape(), d.Of.Shape()))
			}
			names, nodes, hand = append(names, d.Name), append(nodes, d.Of), append(hand, d.ByHand)
		}
		all := append(hand, Gradient(loss, nodes...)...)
		for i, gradient := range all {
			all[i] = Reshape(ConvertDType(gradient, dtypes.Float64), -1)
		}
		return all
	}, args...)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, result := range results {
		values, err := tensors.CopyFlatData[float64](result)
		if err != nil {
			return nil, nil, nil, err
		}
		if i < len(names) {
			byHand = append(byHand, values)
		} else {
			byAutodiff = append(byAutodiff, values)
		}
	}
	return names, byHand, byAutodiff, nil
}

// compareGradients returns the largest absolute value of want and the largest difference of got to it; NaN if there is one.
func compareGradients(got, want []float64) (largest, difference float64) {
	for i := range want {
		largest = math.Max(largest, math.Abs(want[i]))
		difference = math.Max(difference, math.Abs(got[i]-want[i]))
	}
	return largest, difference
}
