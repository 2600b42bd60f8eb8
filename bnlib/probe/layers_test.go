package probe_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	gomlxnorm "github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"
)

// signals lists what a snapshot has, as "layer kind".
func signals(s probe.Snapshot) []string {
	var list []string
	for _, signal := range s.Signals {
		list = append(list, fmt.Sprintf("%s %s", signal.Layer, signal.Kind))
	}
	return list
}

// afterActivation is a model as a reader might type it: batch normalization after the activation.
func afterActivation(scope *model.Scope, images *Node) *Node {
	x := images
	for i := range 2 {
		layer := scope.In("layer_%d", i)
		x = bnlib.BatchNorm(layer, activation.Relu(layers.Dense(layer, x, true, 32)))
	}
	return layers.Dense(scope.In("out"), x, true, data.Classes)
}

// ownModels are models as readers might type them, and what is found in them.
var ownModels = map[string]struct {
	model bnlib.ModelFunc
	want  []string
}{
	"batch norm after the activation": {afterActivation, []string{"layer_0 pre-activation", "layer_1 pre-activation"}},
	"no hidden activations": {func(scope *model.Scope, x *Node) *Node {
		for i := range 2 {
			x = bnlib.BatchNorm(scope.In("linear_%d", i), layers.Dense(scope.At("linear_%d", i), x, true, 9))
		}
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}, []string{"linear_0 linear output", "linear_1 linear output"}},
	"a single layer": {func(scope *model.Scope, x *Node) *Node {
		return layers.Dense(scope, x, true, data.Classes)
	}, nil},
	"variables of its own": {func(scope *model.Scope, x *Node) *Node {
		for _, name := range []string{"u", "v"} {
			w := scope.VariableWithShape(name, shapes.Make(dtypes.Float32, x.Shape().Dim(1), 11)).NodeValue(x)
			x = MaxScalar(MulScalar(Dot(x, w).Product(), 0.5), 0)
		}
		w := scope.VariableWithShape("w", shapes.Make(dtypes.Float32, 11, data.Classes)).NodeValue(x)
		return Dot(x, w).Product()
	}, []string{"u linear output", "u pre-activation", "v linear output", "v pre-activation"}},
	"GoMLX's batch norm, tanh and sigmoid": {func(scope *model.Scope, x *Node) *Node {
		x = Tanh(gomlxnorm.BatchNorm(scope.In("a"), layers.Dense(scope.At("a"), x, false, 12), -1).Done())
		x = Sigmoid(layers.Dense(scope.In("b"), x, true, 7))
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}, []string{"a linear output", "a pre-activation", "b pre-activation"}},
	"residual": {func(scope *model.Scope, x *Node) *Node {
		x = layers.Dense(scope.In("in"), x, true, 16)
		for i := range 2 {
			x = Add(x, layers.Dense(scope.In("block_%d", i), activation.Relu(x), true, 16))
		}
		return layers.Dense(scope.In("out"), activation.Relu(x), true, data.Classes)
	}, []string{"in pre-activation", "block_0 linear output", "block_0 pre-activation", "block_1 linear output", "block_1 pre-activation"}},
	"swish, gelu, leaky ReLU and hard sigmoid": {func(scope *model.Scope, x *Node) *Node {
		for _, act := range []activation.Type{activation.TypeSwish, activation.TypeGelu, activation.TypeLeakyRelu, activation.TypeHardSigmoid} {
			x = activation.Apply(act, layers.Dense(scope.In("%s", act), x, true, 8))
		}
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}, []string{"Swish pre-activation", "Gelu linear output", "LeakyRelu linear output", "HardSigmoid linear output"}},
}

func TestLayersOfModelsOfYourOwn(t *testing.T) {
	for name, c := range ownModels {
		t.Run(name, func(t *testing.T) {
			e := short(1)
			e.Model = c.model
			run := train(t, []bnlib.Network{{Experiment: e}}, probe.Signals, probe.Norms)[0]
			if got := steps(run); !slices.Equal(got, []int{0, 20, 40}) {
				t.Errorf("looked at steps %v", got)
			}
			for _, s := range run.Snapshots() {
				if want := min(len(c.want), 1) * 500; s.Images != want {
					t.Errorf("%d images, want %d", s.Images, want)
				}
				if diff := cmp.Diff(c.want, signals(s)); diff != "" {
					t.Errorf("signals (-want +got):\n%s", diff)
				}
				for _, signal := range s.Signals {
					total := 0
					for _, n := range signal.Histogram.Counts {
						total += n
					}
					if signal.Images != 500 || total != 500*signal.Units || signal.NotFinite != 0 || !(signal.Std > 0) ||
						!(signal.Percentiles[0] < signal.Percentiles[4]) {
						t.Errorf("step %d: %+v", s.Step, signal)
					}
				}
				if s.Step < e.Steps && math.Abs(s.Loss-float64(run.Losses[s.Step])) > 1e-5 {
					t.Errorf("step %d: loss %v, in training %v", s.Step, s.Loss, run.Losses[s.Step])
				}
				trainable := 0
				for _, w := range run.Weights {
					if w.Trainable {
						trainable++
					}
				}
				if len(s.Parameters) != trainable {
					t.Errorf("%d parameters, want %d", len(s.Parameters), trainable)
				}
			}
		})
	}
}
