package main

import (
	"fmt"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/plot"
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
	{"phase", "std × learning rate, 13 values each, ReLU and sigmoid, 400 steps, three seeds: the map of notebook 22", bnlib.Phase, chart.GridMap},
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
	return bnlib.Grid{Base: base, Axes: []bnlib.Axis{bnlib.Std(0.05, 5), bnlib.Rate(bnlib.LogSpaced(0.003, 3, 4)...)}}
}

func eight() bnlib.Grid {
	return bnlib.Grid{Axes: []bnlib.Axis{bnlib.Choice(bnlib.ArticleAll()...)}, Seeds: 5}
}
