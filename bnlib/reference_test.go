package bnlib

import (
	"strings"
	"testing"

	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/internal/plain"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// TestAgainstPlainGo trains small networks here and in plain Go, written from the equations, with loops.
func TestAgainstPlainGo(t *testing.T) {
	factors := []float64{1, 1, .5, .5, 0, 2, .25, .1, .1, 1, .3, .7} // of the rates at each step
	for _, c := range []struct {
		name string
		edit func(e *Experiment)
		// In plain Go: of a variable at a step.
		rate, decay func(name string, step int) float64
		std         func(layer int) float64
	}{
		{name: "one rate"},
		{
			name: "rates of some variables",
			edit: func(e *Experiment) {
				e.Rates = ByVariable{"hidden_1/dense/weights": 0, "logits": .05, "hidden_2/*/gamma": 1}
			},
			rate: func(name string, _ int) float64 {
				switch {
				case name == "hidden_1/dense/weights":
					return 0
				case strings.HasPrefix(name, "logits/"):
					return .05
				case name == "hidden_2/batch_norm/gamma":
					return 1
				}
				return .5
			},
		},
		{
			name: "decay of weights",
			edit: func(e *Experiment) { e.Decay = ByVariable{"*/dense/weights": .1} },
			decay: func(name string, _ int) float64 {
				if strings.HasSuffix(name, "/weights") {
					return .1
				}
				return 0
			},
		},
		{
			name: "schedule, deviations by layer, decay of all",
			edit: func(e *Experiment) {
				e.Schedule = func(step int) float64 { return factors[step] }
				e.Stds = ByVariable{"hidden_*": .2, "logits/dense/weights": .6}
				e.Decay = ByVariable{"*": .02}
			},
			rate:  func(_ string, step int) float64 { return .5 * factors[step] },
			decay: func(string, int) float64 { return .02 },
			std:   func(layer int) float64 { return []float64{.2, .2, .6}[layer] },
		},
	} {
		acts := []activation.Type{activation.TypeRelu, activation.TypeSigmoid}
		if c.edit != nil {
			acts = acts[1:] // what an activation does, the first case has shown
		}
		for _, act := range acts {
			e := Experiment{InitStd: 0.3, LearningRate: 0.5, Activation: act, Hidden: []int{6, 5}, Batch: 8, Steps: 12, Every: 5, Seed: 3}
			if c.edit != nil {
				c.edit(&e)
			}
			networks := e.Pair()
			if c.name == "rates of some variables" {
				networks = networks[1:] // it names a variable that the other has not
			}
			for _, run := range trained(t, options(t), networks...) {
				network := plain.New(e.Seed, e.InitStd, act, e.Hidden, run.Network.Norm.Apply != nil)
				for k, l := range network {
					if c.std != nil {
						copy(l.W, plain.Widen(engine.Normals(e.Seed, k, len(l.W), c.std(k))))
					}
				}
				set := mnist(t).Train
				order := engine.NewMinibatches(e.Seed, set.Len())
				var losses []float64
				for step := range e.Steps {
					index := make([]int32, e.Batch)
					order.Next(index)
					losses = append(losses, network.Step(set, index, func(name string, values, gradient []float64) {
						rate, decay := .5, 0.
						if c.rate != nil {
							rate = c.rate(name, step)
						}
						if c.decay != nil {
							decay = c.decay(name, step)
						}
						for i := range values {
							values[i] -= rate * (gradient[i] + decay*values[i])
						}
					}))
				}
				name := c.name + ", " + run.Network.describe() + ", " + act.String()
				if d := plain.Difference(plain.Widen(run.Losses), losses); !(d < 1e-5) {
					t.Errorf("%s: losses differ by %.3g of the largest:\n%v, plain Go\n%v", name, d, run.Losses, losses)
				}
				want := network.Variables()
				if len(want) != len(run.Weights) {
					t.Errorf("%s: %d variables, want %d", name, len(run.Weights), len(want))
				}
				for _, w := range run.Weights {
					if d := plain.Difference(plain.Widen(w.Values), want[w.Name]); !(d < 1e-4) {
						t.Errorf("%s: %s differs by %.3g of its largest element", name, w.Name, d)
					}
				}
			}
		}
	}
}
