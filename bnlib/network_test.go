package bnlib

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
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

// TestNormLayer writes batch normalization's layer out as a norm's own: it is the same network, found under the same key.
func TestNormLayer(t *testing.T) {
	d, e := tiny(t)
	own := Norm{Name: "mine", Layer: func(scope *model.Scope, x *graph.Node, units int, activation func(*graph.Node) *graph.Node) *graph.Node {
		return activation(BatchNorm(scope, layers.Dense(scope, x, false, units)))
	}}
	bare := Norm{Name: "mine", Layer: func(scope *model.Scope, x *graph.Node, units int, _ func(*graph.Node) *graph.Node) *graph.Node {
		return layers.Dense(scope, x, true, units)
	}}
	o := options(t)
	o.Data = d
	runs := trained(t, o, e.With(Batch, own, bare)...)
	if runs[0].Key != runs[1].Key || runs[0].Key == runs[2].Key {
		t.Errorf("keys %q of batch norm, %q of its layer, %q of one without activation", runs[0].Key, runs[1].Key, runs[2].Key)
	}
	if own.Equal(bare) || !own.Equal(own) {
		t.Errorf("norms of one name and two layers are equal: %v; one is itself: %v", own.Equal(bare), own.Equal(own))
	}
	if _, err := Fold(runs[1]); err == nil {
		t.Error("a layer of its own is folded")
	}
}
