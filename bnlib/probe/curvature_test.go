package probe_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/plain"
	"batchnorm/bnlib/probe"

	"github.com/gomlx/gomlx/ml/layers/activation"
	"gonum.org/v1/gonum/mat"
)

// hessian returns the matrix of second derivatives of the loss on the first images, with respect to variables, by central differences of
// gradients in plain Go.
func hessian(t *testing.T, network plain.Network, images int, variables []string) *mat.SymDense {
	t.Helper()
	index := make([]int32, images)
	for i := range index {
		index[i] = int32(i)
	}
	var numbers []*float64
	for _, name := range variables {
		values := network.Trained()[name]
		for i := range values {
			numbers = append(numbers, &values[i])
		}
	}
	flat := func() (all []float64) {
		_, by := gradients(t, network, index)
		for _, name := range variables {
			all = append(all, by[name]...)
		}
		return all
	}
	const h = 1e-5
	h2 := mat.NewDense(len(numbers), len(numbers), nil)
	for i, number := range numbers {
		at := *number
		*number = at + h
		above := flat()
		*number = at - h
		below := flat()
		*number = at
		for k := range above {
			h2.Set(i, k, (above[k]-below[k])/(2*h))
		}
	}
	symmetric := mat.NewSymDense(len(numbers), nil)
	for i := range numbers {
		for k := range i + 1 {
			symmetric.SetSym(i, k, (h2.At(i, k)+h2.At(k, i))/2)
		}
	}
	return symmetric
}

// TestCurvature compares the largest eigenvalue with that of an explicit matrix, of networks whose second layer and whatever else is not
// the first layer's matrix count.
func TestCurvature(t *testing.T) {
	const images = 30
	for _, act := range []activation.Type{activation.TypeRelu, activation.TypeSigmoid} {
		for _, n := range small(act).Pair() {
			network, _ := plainly(t, n)
			counts := func(variable string) bool { return variable != "hidden_1/dense/weights" }
			var variables []string
			for name := range network.Trained() {
				if counts(name) {
					variables = append(variables, name)
				}
			}
			slices.Sort(variables)
			var eigen mat.EigenSym
			if !eigen.Factorize(hessian(t, network, images, variables), false) {
				t.Fatal("no eigenvalues")
			}
			want := slices.Max(eigen.Values(nil))
			got := probe.SharpnessOf(look(t, n, probe.Curvature(counts, images)))[0]
			weights := length(network.Trained(), nil, func(name string) float64 {
				if counts(name) {
					return 1
				}
				return 0
			})
			if !(math.Abs(got.Eigenvalue-want) < 0.01*want) || !(got.Residual < 0.011) || math.Abs(got.Weights-weights) > 1e-4*weights ||
				got.Relative() != got.Eigenvalue*got.Weights*got.Weights {
				t.Errorf("%v, %s: %+v, want %.4g and weights %.4g", act, n.Norm.Name, got, want, weights)
			}
		}
	}
}

// TestCurvatureAlongGradient holds the curvature to differences of gradients along a path: no direction is curved more than the largest
// eigenvalue says.
func TestCurvatureAlongGradient(t *testing.T) {
	e := bnlib.Article(2) // sigmoid: smooth
	e.Hidden, e.Batch = []int{32, 16}, 200
	for _, n := range e.Pair() {
		along := probe.LandscapeOf(look(t, n, probe.Along(func(string) float64 { return 1e-2 }, 1)))[0]
		all := probe.SharpnessOf(look(t, n, probe.Curvature(nil, 2000)))[0]
		if along.Smoothness() > 1.2*all.Eigenvalue { // other images
			t.Errorf("%s: %.4g along the gradient, at most %.4g", n.Norm.Name, along.Smoothness(), all.Eigenvalue)
		}
		matrices := probe.SharpnessOf(look(t, n, probe.Curvature(func(v string) bool { return strings.HasSuffix(v, "/weights") }, 2000)))[0]
		if !(matrices.Eigenvalue <= 1.001*all.Eigenvalue) || !(matrices.Weights <= all.Weights) {
			t.Errorf("%s: of the matrices alone %+v, of all variables %+v", n.Norm.Name, matrices, all)
		}
	}
}

// TestCurvatureOfDiverged looks at a network whose numbers are none any more.
func TestCurvatureOfDiverged(t *testing.T) {
	e := short(3)
	e.LearningRate = 1e20
	run := train(t, e.With(bnlib.None), probe.Curvature(nil, 20).At(0, 40))[0]
	seen := probe.SharpnessOf(run.Seen["curvature"])
	if len(seen) != 2 || !(seen[0].Eigenvalue > 0) || !math.IsNaN(seen[1].Eigenvalue) || seen[1].Iterations != 1 {
		t.Errorf("saw %+v, want a number and NaN", seen)
	}
}
