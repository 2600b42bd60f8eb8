package check

import (
	"fmt"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Modes checks a batch normalization layer with averages of its own, called moving_mean and moving_variance, against bnlib.BatchNorm: after
// a step of training, and after inference, which must move nothing. x is [batch, units], and so is the answer; gamma is 1 and beta 0.
func Modes(answer func(scope *model.Scope, x *Node) *Node) Verdict {
	const exercise = "find the bug: two modes"
	if answer == nil {
		return missing(exercise)
	}
	on, err := backend.Open()
	if err != nil {
		return unchecked(exercise, err)
	}
	ours, err := walk(on, bnlib.BatchNorm)
	if err != nil {
		return unchecked(exercise, err)
	}
	theirs, err := walk(on, answer)
	if err != nil {
		return failed(exercise, err)
	}
	var parts []part
	for i, want := range ours {
		got := theirs[i]
		switch {
		case got.values == nil:
			parts = append(parts, part{name: want.name, state: Wrong, says: got.says})
		case !slices.Equal(got.dims, want.dims):
			parts = append(parts, part{name: want.name, state: Wrong, says: fmt.Sprintf("wrong, its shape is %s; wanted: %s", list(got.dims), list(want.dims))})
		default:
			parts = append(parts, compared(want.name, got.values, want.values, want.dims, want.mistakes...))
		}
	}
	return verdict(exercise, parts...)
}

// state is what a layer has put out, or what its averages are, at some point.
type state struct {
	name     string
	values   []float64
	dims     []int
	says     string // why there are no values
	mistakes []mistake[[]float64]
}

// walk takes a layer through a step of training and two inferences, and notes what it puts out and keeps.
func walk(on compute.Backend, layer func(scope *model.Scope, x *Node) *Node) (states []state, err error) {
	store := model.NewStore()
	// Of the second batch, which is for inference, statistics are far from those of the first.
	batches := []*tensors.Tensor{draw(17, 6, 3), squared(draw(18, 6, 3))}
	call := func(training bool, x *tensors.Tensor) (*tensors.Tensor, error) {
		var readers error
		y, err := model.CallOnce(on, store, func(scope *model.Scope, x *Node) (y *Node) {
			store.SetTraining(x.Graph(), training)
			if readers = engine.TryCatch(func() error { y = layer(scope, x); return nil }); readers == nil && y == nil {
				readers = fmt.Errorf("it returns nil; wanted: %s", x.Shape())
			}
			if readers != nil {
				panic(readers)
			}
			return y
		}, x)
		if readers != nil {
			err = readers
		}
		return y, err
	}
	see := func(name string, t *tensors.Tensor) error {
		values, err := tensors.CopyFlatData[float64](t)
		states = append(states, state{name: name, values: values, dims: t.Shape().Dimensions})
		return err
	}
	look := func(when string) error {
		for _, average := range []string{"moving_mean", "moving_variance"} {
			v := named(store, average)
			if v == nil {
				states = append(states, state{name: average + when, says: "wrong, there is no variable of that name"})
				continue
			}
			t, err := v.Value()
			if err != nil {
				return err
			}
			if err := see(average+when, t); err != nil {
				return err
			}
		}
		return nil
	}
	for _, mode := range []struct {
		training   bool
		x          *tensors.Tensor
		name, when string
	}{
		{true, batches[0], "y in training", " after training"},
		{false, batches[1], "y in inference", " after inference"},
		{false, batches[1], "y in inference, once more", ""},
	} {
		y, err := call(mode.training, mode.x)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", mode.name, err)
		}
		if err := see(mode.name, y); err != nil {
			return nil, err
		}
		if mode.when == "" {
			continue
		}
		if err := look(mode.when); err != nil {
			return nil, err
		}
	}
	explain(states, batches)
	return states, nil
}

// explain gives the states of the right layer the mistakes that may be made in them.
func explain(states []state, batches []*tensors.Tensor) {
	units := states[0].dims[len(states[0].dims)-1]
	x := tensors.MustCopyFlatData[float64](batches[1])
	start := []float64{0, 1}
	for k, at := range []int{1, 2} { // mean and variance
		trained := states[at].values
		if trained == nil {
			continue
		}
		first := slices.Repeat([]float64{start[k]}, units)
		states[at].mistakes = []mistake[[]float64]{{first, "It has not moved at all: a layer that never learns its averages cannot use them either."}}
		moved := make([]float64, units)
		for u := range units {
			var of []float64
			for i := u; i < len(x); i += units {
				of = append(of, x[i])
			}
			mean, variance := moments(of)
			moved[u] = bnlib.Momentum*trained[u] + (1-bnlib.Momentum)*[]float64{mean, variance}[k]
		}
		states[at+3].mistakes = []mistake[[]float64]{{first, "It has never moved."}, {moved, theBug}}
	}
}

// named returns the variable of a name, in any scope; nil if there is none.
func named(store *model.Store, name string) *model.Variable {
	for v := range store.IterVariables() {
		if v.Name() == name {
			return v
		}
	}
	return nil
}
