package check

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// tensor is something that an answer computes: what it should be, and what often comes out instead.
type tensor struct {
	name     string
	want     *Node
	mistakes []mistake[*Node]
}

// graphs checks an answer that builds a graph, in float64. wanted is given the inputs and says what the answer should make of them;
// answer calls the reader's function, which may panic, and returns as many nodes.
func graphs(exercise string, inputs []*tensors.Tensor, answer func(in []*Node) []*Node, wanted func(in []*Node) []tensor) Verdict {
	on, err := backend.Open()
	if err != nil {
		return unchecked(exercise, err)
	}
	args := make([]any, len(inputs))
	for i, input := range inputs {
		args[i] = input
	}
	var parts []part
	var compare []func(results [][]float64) // what to compare once there are results
	var readers error                       // what the reader's function panics with
	results, err := model.CallOnceN(on, model.NewStore(), func(_ *model.Scope, in []*Node) (nodes []*Node) {
		var got []*Node
		if readers = engine.TryCatch(func() error { got = answer(in); return nil }); readers != nil {
			panic(readers)
		}
		nodes = append(nodes, in[0])
		add := func(n *Node) (at int) {
			nodes = append(nodes, n)
			return len(nodes) - 1
		}
		want := wanted(in)
		parts = make([]part, len(want))
		for i, w := range want {
			if state, says := misshapen(got[i], w.want); says != "" {
				parts[i] = part{name: w.name, state: state, says: says}
				continue
			}
			mine, right := add(got[i]), add(w.want)
			others := make([]int, len(w.mistakes))
			for k, m := range w.mistakes {
				others[k] = add(m.value)
			}
			compare = append(compare, func(results [][]float64) {
				mistakes := make([]mistake[[]float64], len(others))
				for k, at := range others {
					mistakes[k] = mistake[[]float64]{results[at], w.mistakes[k].says}
				}
				parts[i] = compared(w.name, results[mine], results[right], w.want.Shape().Dimensions, mistakes...)
			})
		}
		for i, n := range nodes {
			nodes[i] = Reshape(ConvertDType(n, dtypes.Float64), -1)
		}
		return nodes
	}, args...)
	switch {
	case readers != nil:
		return failed(exercise, readers)
	case err != nil:
		return failed(exercise, err)
	}
	values := make([][]float64, len(results))
	for i, result := range results {
		if values[i], err = tensors.CopyFlatData[float64](result); err != nil {
			return unchecked(exercise, err)
		}
	}
	for _, c := range compare {
		c(values)
	}
	return verdict(exercise, parts...)
}

// misshapen says why a node cannot be compared with the one that is wanted; nothing if it can. Axes of 1 do not count.
func misshapen(got, want *Node) (State, string) {
	switch {
	case got == nil:
		return Unanswered, "nil; wanted: " + list(want.Shape().Dimensions)
	case got.Graph() != want.Graph():
		return Wrong, "wrong, a node of another graph; wanted: one that is computed from the function's arguments"
	case !slices.Equal(broad(got), broad(want)):
		return Wrong, fmt.Sprintf("wrong, its shape is %s; wanted: %s", list(got.Shape().Dimensions), list(want.Shape().Dimensions))
	case !got.DType().IsFloat():
		return Wrong, fmt.Sprintf("wrong, its numbers are %s; wanted: %s", got.DType(), want.DType())
	}
	return 0, ""
}

// broad returns the dimensions of a node that are not 1.
func broad(n *Node) []int {
	return slices.DeleteFunc(slices.Clone(n.Shape().Dimensions), func(dim int) bool { return dim == 1 })
}

// draw returns random numbers of the given shape, the same for a seed, of mean 0.5 and standard deviation 2.
func draw(seed uint64, dims ...int) *tensors.Tensor {
	rng, n := rand.New(rand.NewPCG(seed, 30)), 1
	for _, dim := range dims {
		n *= dim
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = 0.5 + 2*rng.NormFloat64()
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

// squared returns a tensor's squares, such as variances.
func squared(t *tensors.Tensor) *tensors.Tensor {
	values := tensors.MustCopyFlatData[float64](t)
	for i, v := range values {
		values[i] = v * v
	}
	return tensors.FromFlatDataAndDimensions(values, t.Shape().Dimensions...)
}
