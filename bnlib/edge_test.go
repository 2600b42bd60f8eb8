package bnlib

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// mapOf returns results of a grid in which accuracy is a function of the two axes, the same for both norms.
func mapOf(g Grid, accuracy func(row, column float64, seed int) float64) *Results {
	r := &Results{Grid: g}
	for _, n := range g.Networks() {
		r.Runs = append(r.Runs, &Run{Network: n, Test: accuracy(n.LearningRate, n.InitStd, int(n.Seed-g.Base.Seed))})
	}
	return r
}

// An accuracy that falls along a straight line over the logarithm of the rate crosses a level where that line does, whatever the cells;
// where seeds differ the median counts.
func TestEdges(t *testing.T) {
	g := Grid{Base: Article(1), Axes: []Axis{Activation(activation.TypeRelu, activation.TypeSigmoid), Rate(LogSpaced(1e-3, 10, 9)...), Std(0.1, 1, 10, 100)}, Seeds: 3}
	r := mapOf(g, func(rate, std float64, seed int) float64 {
		middle := math.Log10(0.1 / std) // of what works, in decades of rate
		accuracy := 1 - 0.4*math.Abs(math.Log10(rate)-middle)
		return accuracy + []float64{0, 0.3, -0.3}[seed]
	})
	// One less 0.4 a decade is 0.5 at 1.25 decades from the middle, which is 1, 0.1, 0.01 and 0.001; NaN beyond the axis.
	nan := math.NaN()
	want := []Edge{{0.1, math.Pow(10, -1.25), nan}, {1, math.Pow(10, -2.25), math.Pow(10, 0.25)}, {10, nan, math.Pow(10, -0.75)}, {100, nan, math.Pow(10, -1.75)}}
	for norm := range 2 {
		for outer := range 2 {
			for i, e := range r.Edges(0.5, norm, outer) {
				if e.At != want[i].At || !near(e.Low, want[i].Low) || !near(e.High, want[i].High) {
					t.Errorf("norm %d, outer %d, column %d: %v, want %v", norm, outer, i, e, want[i])
				}
			}
		}
	}
	for _, e := range r.Edges(1.5, 0, 0) {
		if !math.IsNaN(e.Low) || !math.IsNaN(e.High) {
			t.Errorf("a level that nothing reaches has the edge %v", e)
		}
	}
	for i := range r.Runs {
		r.Runs[i] = nil // as in a store that has none
	}
	if e := r.Edges(0.5, 0, 0)[1]; !math.IsNaN(e.Low) || !math.IsNaN(e.High) {
		t.Errorf("without runs there is an edge %v", e)
	}
}

// Over an axis with a 0 the line is over the values themselves.
func TestEdgesLinear(t *testing.T) {
	g := Grid{Base: Article(1), Axes: []Axis{Rate(0, 1, 2), Std(1)}}
	r := mapOf(g, func(rate, _ float64, _ int) float64 { return 1 - 0.4*rate })
	if e := r.Edges(0.5, 0)[0]; !near(e.High, 1.25) || !math.IsNaN(e.Low) {
		t.Errorf("%v, want 1.25 above and nothing below", e)
	}
}

func near(got, want float64) bool {
	return math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= 1e-9*math.Abs(want)
}

// The cells of Phase lie on diagonals of equal rate·std² and of equal rate/std², and all of the article's points are on it.
func TestPhase(t *testing.T) {
	g := Phase()
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(g.Axes) != 3 || len(g.Axes[1].Values) < 12 || len(g.Axes[2].Values) < 12 || len(g.Marks) != 8 {
		t.Fatalf("%d axes, %d marks", len(g.Axes), len(g.Marks))
	}
	rates, stds := g.Axes[1].Values, g.Axes[2].Values
	for i := range len(rates) - 1 {
		if factor, square := rates[i+1]/rates[i], math.Pow(stds[i+1]/stds[i], 2); math.Abs(factor-square) > 1e-12*factor {
			t.Errorf("rates rise by %v, squares of deviations by %v", factor, square)
		}
	}
	for _, e := range g.Marks {
		for i, a := range g.Axes {
			if v := a.Of(e); v < a.Values[0] || v > a.Values[len(a.Values)-1] {
				t.Errorf("%s: %s is %v, outside %v to %v", e.Name, g.Axes[i].Name, v, a.Values[0], a.Values[len(a.Values)-1])
			}
		}
	}
}

// An axis of one variable's number sets it beside the others, and changes neither the base nor another point.
func TestAxesByVariable(t *testing.T) {
	base := Article(1)
	base.Stds = ByVariable{"logits": 0.5}
	g := Grid{Base: base, Axes: []Axis{StdOf("hidden_*/dense", 1, 2), RateOf("hidden_*/dense", 3, 4), RateOf("logits", 5)}}
	e := g.Experiment(3)
	if len(e.Stds) != 2 || e.Stds["hidden_*/dense"] != 2 || e.Stds["logits"] != 0.5 {
		t.Errorf("Stds %v", e.Stds)
	}
	if len(e.Rates) != 2 || e.Rates["hidden_*/dense"] != 4 || e.Rates["logits"] != 5 {
		t.Errorf("Rates %v", e.Rates)
	}
	if len(base.Stds) != 1 || base.Rates != nil {
		t.Errorf("the base has changed: %v, %v", base.Stds, base.Rates)
	}
	if name := e.Name; name != "std of hidden_*/dense 2, rate of hidden_*/dense 4, rate of logits 5" {
		t.Errorf("it is called %q", name)
	}
}
