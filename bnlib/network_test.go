package bnlib

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"
)

func TestReluGradient(t *testing.T) {
	goBackend, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []compute.Backend{testBackend(t), goBackend} {
		outputs, err := graph.MustNewExec(b, func(x *graph.Node) (y, gradient *graph.Node) {
			y = activate(activation.TypeRelu, x)
			return y, graph.Gradient(graph.ReduceAllSum(y), x)[0]
		}).Call([]float32{-2, 0, 3})
		if err != nil {
			t.Fatal(err)
		}
		y, gradient := tensors.MustCopyFlatData[float32](outputs[0]), tensors.MustCopyFlatData[float32](outputs[1])
		if !slices.Equal(y, []float32{0, 0, 3}) || !slices.Equal(gradient, []float32{0, 0, 1}) {
			t.Errorf("%s: ReLU of -2, 0, 3 is %v, its gradient %v", b.Name(), y, gradient)
		}
	}
}
