package bnlib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/plain"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
)

const (
	testValues   = 12 // of a feature
	testFeatures = 3
)

// testShapes are what the same numbers are normalized as: a value for each of twelve examples, or images of 3 × 2 positions, two
// of them.
var testShapes = [][]int{{testValues, testFeatures}, {2, 3, 2, testFeatures}}

// batchInputs returns x, gamma, beta and the weights of a scalar loss Σ w·y, whose gradient with respect to y is w.
func batchInputs() (x, gamma, beta, w []float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(n int, mean float64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = mean + rng.NormFloat64()
		}
		return v
	}
	return draw(testValues*testFeatures, 0.5), draw(testFeatures, 1), draw(testFeatures, 0), draw(testValues*testFeatures, 0)
}

// reference computes the same in plain Go, float64: the output, and mean and biased variance of every feature.
func reference(x, gamma, beta []float64) (y, mean, variance []float64) {
	y, mean, variance = make([]float64, len(x)), make([]float64, testFeatures), make([]float64, testFeatures)
	for f := range testFeatures {
		for b := range testValues {
			mean[f] += x[b*testFeatures+f] / testValues
		}
		for b := range testValues {
			variance[f] += math.Pow(x[b*testFeatures+f]-mean[f], 2) / testValues
		}
		for b := range testValues {
			i := b*testFeatures + f
			y[i] = gamma[f]*(x[i]-mean[f])/math.Sqrt(variance[f]+Epsilon) + beta[f]
		}
	}
	return y, mean, variance
}

// gradients holds a forward and backward pass through batch normalization, as float64.
type gradients struct{ y, dx, dgamma, dbeta []float64 }

func (g gradients) each(h gradients, do func(name string, a, b []float64)) {
	do("y", g.y, h.y)
	do("dx", g.dx, h.dx)
	do("dgamma", g.dgamma, h.dgamma)
	do("dbeta", g.dbeta, h.dbeta)
}

// pass runs build on the test's inputs in the given type, with x and w of the given shape.
func pass(t *testing.T, dtype dtypes.DType, shape []int, build func(x, gamma, beta, w *Node) []*Node) gradients {
	t.Helper()
	x, gamma, beta, w := batchInputs()
	outputs, err := model.CallOnceN(testBackend(t), model.NewStore(), func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		for i := range in {
			in[i] = ConvertDType(in[i], dtype)
		}
		outputs := build(in[0], in[1], in[2], in[3])
		for i := range outputs {
			outputs[i] = Reshape(ConvertDType(outputs[i], dtypes.Float64), -1)
		}
		return outputs
	}, tensors.FromFlatDataAndDimensions(x, shape...), tensors.FromFlatDataAndDimensions(gamma, testFeatures),
		tensors.FromFlatDataAndDimensions(beta, testFeatures), tensors.FromFlatDataAndDimensions(w, shape...))
	if err != nil {
		t.Fatal(err)
	}
	values := func(i int) []float64 { return tensors.MustCopyFlatData[float64](outputs[i]) }
	return gradients{values(0), values(1), values(2), values(3)}
}

func byHand(x, gamma, beta, w *Node) []*Node {
	mean, variance := BatchStatistics(x)
	dx, dgamma, dbeta := NormalizeBackward(x, gamma, mean, variance, w, Epsilon)
	return []*Node{Normalize(x, gamma, beta, mean, variance, Epsilon), dx, dgamma, dbeta}
}

func byAutodiff(x, gamma, beta, w *Node) []*Node {
	mean, variance := BatchStatistics(x)
	y := Normalize(x, gamma, beta, mean, variance, Epsilon)
	return append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, w)), x, gamma, beta)...)
}

// byGoMLX differentiates GoMLX's own layer, whose gamma and beta are variables.
func byGoMLX(x, gamma, beta, w *Node) []*Node {
	scope := model.GetStore(x).RootScope()
	vars := scope.In("batch_normalization")
	scaleVar := vars.VariableWithValue("scale", tensors.FromShape(gamma.Shape()))
	offsetVar := vars.VariableWithValue("offset", tensors.FromShape(beta.Shape()))
	scaleVar.SetNodeValue(gamma)
	offsetVar.SetNodeValue(beta)
	y := norm.BatchNorm(model.GetStore(x).RootScope(), x, -1).Epsilon(Epsilon).Done()
	return append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, w)), x, gamma, beta)...)
}

func TestBackwardByHand(t *testing.T) {
	for _, dtype := range []struct {
		dtypes.DType
		tolerance float64 // relative to the largest element
	}{{dtypes.Float64, 1e-9}, {dtypes.Float32, 1e-5}} {
		for _, other := range []struct {
			name  string
			build func(x, gamma, beta, w *Node) []*Node
		}{{"autodiff", byAutodiff}, {"GoMLX's layer", byGoMLX}} {
			for _, shape := range testShapes {
				t.Run(fmt.Sprint(dtype, "/", other.name, "/", shape), func(t *testing.T) {
					got, want := pass(t, dtype.DType, shape, byHand), pass(t, dtype.DType, shape, other.build)
					got.each(want, func(name string, got, want []float64) {
						if d := plain.Difference(got, want); !(d <= dtype.tolerance) {
							t.Errorf("%s: largest difference %.3g of the largest element; want at most %g\n got %v\nwant %v",
								name, d, dtype.tolerance, got, want)
						}
					})
				})
			}
		}
	}
}

func TestBackwardNumerically(t *testing.T) {
	x, gamma, beta, w := batchInputs()
	loss := func() float64 {
		y, _, _ := reference(x, gamma, beta)
		sum := 0.0
		for i := range y {
			sum += w[i] * y[i]
		}
		return sum
	}
	const h = 1e-6
	slope := func(at []float64) []float64 { // central differences
		slopes := make([]float64, len(at))
		for i, centre := range at {
			at[i] = centre + h
			up := loss()
			at[i] = centre - h
			slopes[i] = (up - loss()) / (2 * h)
			at[i] = centre
		}
		return slopes
	}
	y, _, _ := reference(x, gamma, beta)
	want := gradients{y, slope(x), slope(gamma), slope(beta)}
	for _, shape := range testShapes {
		pass(t, dtypes.Float64, shape, byHand).each(want, func(name string, got, want []float64) {
			if d := plain.Difference(got, want); !(d <= 1e-7) {
				t.Errorf("%v: %s: largest difference %.3g of the largest element\n got %v\nwant %v", shape, name, d, got, want)
			}
		})
	}
}

// TestMovingAverages checks the layer in training and in inference against plain Go.
func TestMovingAverages(t *testing.T) {
	for _, shape := range testShapes {
		t.Run(fmt.Sprint(shape), func(t *testing.T) { testMovingAverages(t, shape) })
	}
}

func testMovingAverages(t *testing.T, shape []int) {
	x, _, _, _ := batchInputs()
	store := model.NewStore()
	layer := func(training bool) []float32 {
		y, err := model.CallOnce(testBackend(t), store, func(scope *model.Scope, x *Node) *Node {
			scope.Store().SetTraining(x.Graph(), training)
			return BatchNorm(scope, ConvertDType(x, dtypes.Float32))
		}, tensors.FromFlatDataAndDimensions(x, shape...))
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](y)
	}
	average := func(name string) []float64 {
		return plain.Widen(tensors.MustCopyFlatData[float32](store.GetVariable("/batch_norm/" + name).MustValue()))
	}
	ones := []float64{1, 1, 1}
	want, mean, variance := reference(x, ones, make([]float64, testFeatures))
	wantMean, wantVariance := make([]float64, testFeatures), []float64{1, 1, 1}
	for step := range 3 {
		if d := plain.Difference(plain.Widen(layer(true)), want); !(d <= 1e-5) {
			t.Errorf("step %d: output in training is off by %.3g", step, d)
		}
		for f := range testFeatures {
			wantMean[f] = Momentum*wantMean[f] + (1-Momentum)*mean[f]
			wantVariance[f] = Momentum*wantVariance[f] + (1-Momentum)*variance[f]
		}
	}
	inference := layer(false)
	for name, want := range map[string][]float64{"moving_mean": wantMean, "moving_variance": wantVariance} {
		if d := plain.Difference(average(name), want); !(d <= 1e-5) {
			t.Errorf("%s is %v after three steps of training and one of inference, want %v", name, average(name), want)
		}
	}
	for i, y := range inference {
		f := i % testFeatures
		want := (x[i] - wantMean[f]) / math.Sqrt(wantVariance[f]+Epsilon)
		if math.Abs(float64(y)-want) > 1e-5 {
			t.Errorf("inference: element %d is %v, want %v", i, y, want)
		}
	}
}

// TestRank refuses what has no axis for the features besides that of the examples.
func TestRank(t *testing.T) {
	_, err := CallOnce(testBackend(t), func(x *Node) *Node { mean, _ := BatchStatistics(x); return mean }, []float32{1, 2, 3})
	if err == nil || !strings.Contains(err.Error(), "[batch, …, features]") {
		t.Errorf("statistics of a vector: %v; want an error that says which shapes are allowed", err)
	}
}

// TestConstantFeature normalizes a feature that is the same large number in every example of a minibatch: in float32 the sum of
// sixty times 1e8 is rounded, but the feature differs nowhere from its mean.
func TestConstantFeature(t *testing.T) {
	column := make([][]float32, 60)
	for i := range column {
		column[i] = []float32{1e8}
	}
	results := MustExecOnceN(testBackend(t), func(x *Node) []*Node {
		mean, variance := BatchStatistics(x)
		one := OnesLike(mean)
		y := Normalize(x, one, ZerosLike(mean), mean, variance, Epsilon)
		dx := Gradient(ReduceAllSum(Mul(y, x)), x)[0]
		return []*Node{mean, variance, ReduceAllMax(Abs(y)), dx}
	}, column)
	if mean, variance := results[0].Value().([][]float32)[0][0], results[1].Value().([][]float32)[0][0]; mean != 1e8 || variance != 0 {
		t.Errorf("mean %v, variance %v; want 1e8 and 0", mean, variance)
	}
	if largest := tensors.ToScalar[float32](results[2]); largest != 0 {
		t.Errorf("the largest output is %v, want 0", largest)
	}
	for i, dx := range results[3].Value().([][]float32) {
		if math.IsNaN(float64(dx[0])) {
			t.Fatalf("the gradient of example %d is NaN", i)
		}
	}
}
