package probe_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/internal/plain"
	"batchnorm/bnlib/probe"

	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// small is an experiment whose networks plain Go trains at once.
func small(act activation.Type) bnlib.Experiment {
	return bnlib.Experiment{InitStd: 0.3, LearningRate: 0.5, Activation: act, Hidden: []int{6, 5}, Batch: 8, Steps: 1, Every: 1, Seed: 3}
}

// look lets a hook look at a network before its first step.
func look(t testing.TB, n bnlib.Network, hook probe.Hook) *probe.History {
	t.Helper()
	h, err := bnlib.Look(&bnlib.Run{Network: n}, hook, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// plainly returns the network in plain Go, and the indices of its first minibatch.
func plainly(t testing.TB, n bnlib.Network) (plain.Network, []int32) {
	t.Helper()
	index := make([]int32, n.Batch)
	engine.NewMinibatches(n.Seed, mnist(t).Train.Len()).Next(index)
	return plain.New(n.Seed, n.InitStd, n.Activation, n.Hidden, n.Norm.Apply != nil), index
}

// gradients returns the loss on images of the training set, and its gradients by variable. The network stays as it is.
func gradients(t testing.TB, network plain.Network, index []int32) (loss float64, all map[string][]float64) {
	t.Helper()
	all = map[string][]float64{}
	loss = network.Step(mnist(t).Train, index, func(name string, _, gradient []float64) { all[name] = slices.Clone(gradient) })
	return loss, all
}

// length is the norm of the differences, times a factor, between two sets of vectors; of one, if the other is nil.
func length(a, b map[string][]float64, factor func(name string) float64) float64 {
	sum := 0.0
	for name := range a {
		for i := range a[name] {
			d := a[name][i]
			if b != nil {
				d -= b[name][i]
			}
			sum += math.Pow(factor(name)*d, 2)
		}
	}
	return math.Sqrt(sum)
}

// TestAlong steps along the gradient in plain Go as well, with all variables and with some.
func TestAlong(t *testing.T) {
	multiples := []float64{-0.5, 0.25, 3}
	for _, act := range []activation.Type{activation.TypeRelu, activation.TypeSigmoid} {
		for _, frozen := range []string{"", "logits"} {
			e := small(act)
			if frozen != "" {
				e.Rates = bnlib.Frozen(frozen)
			}
			for _, n := range e.Pair() {
				network, index := plainly(t, n)
				start, before := gradients(t, network, index)
				moves := func(name string) float64 { // 1, or 0 for variables that stay
					return math.Ceil(n.Rate(name))
				}
				want := probe.Landscape{Multiples: multiples, Start: start, Gradient: length(before, nil, moves), Weights: length(network.Trained(), nil, moves)}
				for _, m := range multiples {
					moved := plain.New(n.Seed, n.InitStd, n.Activation, n.Hidden, n.Norm.Apply != nil)
					for name, values := range moved.Trained() {
						plain.Descent(m*n.Rate(name))(name, values, before[name])
					}
					loss, after := gradients(t, moved, index)
					want.Loss = append(want.Loss, loss)
					want.Change = append(want.Change, length(after, before, moves))
					want.Distance = append(want.Distance, length(before, nil, func(name string) float64 { return m * n.Rate(name) }))
				}
				got := probe.LandscapeOf(look(t, n, probe.Along(n.Rate, multiples...)))
				if diff := cmp.Diff([]probe.Landscape{want}, got, cmpopts.EquateApprox(1e-3, 1e-5)); diff != "" {
					t.Fatalf("%v, %s, frozen %q (-want +got):\n%s", act, n.Norm.Name, frozen, diff)
				}
				smooth := 0.0
				for i := range multiples {
					smooth = max(smooth, want.Change[i]/want.Distance[i])
				}
				low, high := got[0].Range()
				if math.Abs(got[0].Smoothness()-smooth) > 1e-3*smooth || math.Abs(got[0].Relative()-smooth*want.Weights*want.Weights) > 1e-2*got[0].Relative() ||
					got[0].MostChange() != slices.Max(got[0].Change) || low != min(got[0].Start, slices.Min(got[0].Loss)) || high != max(got[0].Start, slices.Max(got[0].Loss)) {
					t.Errorf("%v, %s: smoothness %v and %v, want %v; range %v to %v of %v", act, n.Norm.Name, got[0].Smoothness(), got[0].Relative(), smooth, low, high, got[0])
				}
			}
		}
	}
}

// TestSmoothnessOfScaledWeights multiplies the hidden weights of a batch-normalized network by 10: the loss stays, the gradient is a
// tenth, and β a hundredth. Relative to the weights nothing changes.
func TestSmoothnessOfScaledWeights(t *testing.T) {
	of := func(std, rate float64) probe.Landscape {
		e := short(1)
		e.InitStd = 0.1
		e.Stds = bnlib.ByVariable{"hidden_*/dense": std}
		hidden := func(variable string) float64 {
			if variable == "hidden_1/dense/weights" || variable == "hidden_2/dense/weights" {
				return rate
			}
			return 0
		}
		return probe.LandscapeOf(look(t, e.With(bnlib.Batch)[0], probe.Along(hidden, 0.5, 1, 2)))[0]
	}
	one, ten := of(1, 1), of(10, 100)
	for name, ratio := range map[string]float64{
		"loss": ten.Loss[2] / one.Loss[2], "gradient": ten.Gradient / one.Gradient * 10, "smoothness": ten.Smoothness() / one.Smoothness() * 100,
		"relative smoothness": ten.Relative() / one.Relative(),
	} {
		if math.Abs(ratio-1) > 0.02 {
			t.Errorf("%s is %.4g times what it should be", name, ratio)
		}
	}
}

func TestHistoriesOfOthers(t *testing.T) {
	for _, h := range []*probe.History{nil, {Steps: []int{0}, Names: []string{"loss"}, Values: [][][]float64{{{1}}}}, {Steps: []int{0}},
		{Steps: []int{0}, Names: []string{"loss", "gradient", "weights", "at x"}, Values: [][][]float64{{{1}, {1}, {1}, {1, 2, 3}}}}} {
		all := fmt.Sprint(len(probe.LandscapeOf(h)), len(probe.SharpnessOf(h)), len(slices.Concat(probe.ShiftsOf(h)...)), len(slices.Concat(probe.AlikenessOf(h)...)))
		if all != "0 0 0 0" || !math.IsNaN(probe.Moved(h, "hidden_1", probe.PreActivation, 0, 0)) {
			t.Errorf("%+v: %s", h, all)
		}
	}
}
