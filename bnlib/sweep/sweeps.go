package main

import (
	"fmt"
	"math"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/plot"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// sweep is a grid with a name, for a command line.
type sweep struct {
	name  string
	about string
	grid  func() bnlib.Grid
	draw  func(*bnlib.Results) *plot.Figure // only of results that are whole
}

// sweeps are what there is to train. One more is one more entry.
var sweeps = []sweep{
	{"try", "std × learning rate, eight points, 1000 steps: to try a cluster in a minute", try, chart.GridMap},
	{"eight", "the article's eight experiments, 50000 steps, five seeds", eight, func(r *bnlib.Results) *plot.Figure {
		return chart.SeedBands(r.Replicates()...)
	}},
	{"phase", "std × learning rate, 12 values each, ReLU and sigmoid, 1000 steps, three seeds", phase, chart.GridMap},
}

func find(name string) (sweep, error) {
	var names []string
	for _, s := range sweeps {
		if s.name == name {
			return s, nil
		}
		names = append(names, s.name)
	}
	return sweep{}, fmt.Errorf("there is no sweep %q; allowed: %s", name, strings.Join(names, ", "))
}

func try() bnlib.Grid {
	base := bnlib.Article(1)
	base.Steps, base.Every = 1000, 500
	return bnlib.Grid{Base: base, Axes: []bnlib.Axis{bnlib.Std(0.05, 5), bnlib.Rate(decades(0.003, 3, 4)...)}}
}

func eight() bnlib.Grid {
	return bnlib.Grid{Axes: []bnlib.Axis{bnlib.Choice(bnlib.ArticleAll()...)}, Seeds: 5}
}

func phase() bnlib.Grid {
	base := bnlib.Article(1)
	base.Steps, base.Every = 1000, 1000
	return bnlib.Grid{Base: base, Axes: []bnlib.Axis{activations(), bnlib.Std(decades(0.003, 30, 12)...), bnlib.Rate(decades(0.003, 30, 12)...)}, Seeds: 3}
}

func activations() bnlib.Axis {
	all := []activation.Type{activation.TypeRelu, activation.TypeSigmoid}
	return bnlib.Axis{Name: "activation", Values: []float64{0, 1}, Labels: []string{"ReLU", "sigmoid"},
		Set: func(e *bnlib.Experiment, v float64) { e.Activation = all[int(v)] }}
}

// decades returns n values from low to high, each the same multiple of the one before.
func decades(low, high float64, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = low * math.Pow(high/low, float64(i)/float64(n-1))
	}
	return values
}
