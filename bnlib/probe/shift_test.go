package probe_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/plain"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestCovariateShift steps the layers below in plain Go as well.
func TestCovariateShift(t *testing.T) {
	for _, act := range []activation.Type{activation.TypeRelu, activation.TypeSigmoid} {
		e := small(act)
		e.Rates = bnlib.ByVariable{"hidden_1/dense": 0.25}
		for _, n := range e.Pair() {
			network, index := plainly(t, n)
			_, before := gradients(t, network, index)
			var want []probe.LayerShift
			for _, layer := range []string{"hidden_2", "logits"} {
				moved, _ := plainly(t, n)
				for name, values := range moved.Trained() {
					if strings.HasPrefix(name, "hidden_1/") || layer == "logits" && strings.HasPrefix(name, "hidden_2/") {
						plain.Descent(n.Rate(name))(name, values, before[name])
					}
				}
				_, after := gradients(t, moved, index)
				a, b := before[layer+"/dense/weights"], after[layer+"/dense/weights"]
				dot := 0.0
				for i := range a {
					dot += a[i] * b[i]
				}
				want = append(want, probe.LayerShift{Layer: layer, Gradient: norm(a), Change: distance(a, b), Cosine: dot / norm(a) / norm(b)})
			}
			got := probe.ShiftsOf(look(t, n, probe.CovariateShift(n.Rate)))
			if diff := cmp.Diff([][]probe.LayerShift{want}, got, cmpopts.EquateApprox(1e-3, 1e-5)); diff != "" {
				t.Errorf("%v, %s (-want +got):\n%s", act, n.Norm.Name, diff)
			}
		}
	}
}

// TestShiftInOrder looks at more layers than sort by their names.
func TestShiftInOrder(t *testing.T) {
	e := small(activation.TypeRelu)
	e.Hidden = []int{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}
	for _, n := range e.Pair() {
		var got, want []string
		for _, s := range probe.ShiftsOf(look(t, n, probe.CovariateShift(n.Rate)))[0] {
			got = append(got, s.Layer)
		}
		for i := 2; i <= 11; i++ {
			want = append(want, fmt.Sprintf("hidden_%d", i))
		}
		if diff := cmp.Diff(append(want, "logits"), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", n.Norm.Name, diff)
		}
	}
}

// TestMoved compares with plain Go how far the distributions of pre-activations move in a step.
func TestMoved(t *testing.T) {
	const images = 40
	x := plain.Widen(mnist(t).Validation.Pixels()[:images*data.Pixels])
	for _, n := range small(activation.TypeRelu).Pair() {
		network, index := plainly(t, n)
		network.Forward(x)
		h := train(t, []bnlib.Network{n}, probe.Moments(images).At(0, 1))[0].Seen["moments"]
		for _, l := range network[:2] {
			before := columns(l.Pre, l.Out)
			_, by := gradients(t, network, index)
			moved, _ := plainly(t, n)
			for name, values := range moved.Trained() {
				plain.Descent(n.LearningRate)(name, values, by[name])
			}
			moved.Forward(x)
			want := 0.0
			for _, other := range moved[:2] {
				if other.Name == l.Name {
					for u, after := range columns(other.Pre, l.Out) {
						want += math.Pow((mean(after)-mean(before[u]))/deviation(before[u]), 2) / float64(l.Out)
					}
				}
			}
			got := probe.Moved(h, l.Name, probe.PreActivation, 0, 1)
			if want = math.Sqrt(want); !(math.Abs(got-want) < 1e-3*want) || !(want > 0) {
				t.Errorf("%s, %s: moved by %v, want %v", n.Norm.Name, l.Name, got, want)
			}
			network.Forward(x)
		}
		if got := probe.Moved(h, "hidden_1", probe.PreActivation, 0, 0); got != 0 {
			t.Errorf("moved by %v in no step", got)
		}
		if got := probe.Moved(h, "hidden_1", probe.PreActivation, 0, 7); !math.IsNaN(got) {
			t.Errorf("moved by %v to a step at which nobody looked", got)
		}
	}
}

// columns returns the values of each unit of a layer, [images, units].
func columns(values []float64, units int) [][]float64 {
	all := make([][]float64, units)
	for i, v := range values {
		all[i%units] = append(all[i%units], v)
	}
	return all
}

func mean(values []float64) (mean float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	return mean
}

func deviation(values []float64) (variance float64) {
	for _, v := range values {
		variance += math.Pow(v-mean(values), 2) / float64(len(values))
	}
	return math.Sqrt(variance)
}
