package chart_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/probe"
)

func TestCourse(t *testing.T) {
	runs := pair([3]float64{.1134, .3264, .2068}, [3]float64{.1134, .9108, .9406})
	for i := range 1000 {
		runs[1].Losses = append(runs[1].Losses, float32(1+i/500)) // 1, then 2
	}
	runs[0].Losses = make([]float32, 1000)
	runs[0].Points[2].Loss = math.NaN()
	table := chart.Course([]int{0, 499, 700, 1000, 5000}, runs...)
	want := [][]string{
		{"without batch norm", "0", ".1134", "0.887", "–"},
		{"without batch norm", "500", ".3264", "0.674", "0"},
		{"without batch norm", "1000", ".2068", "NaN", "0"},
		{"with batch norm", "0", ".1134", "0.887", "–"},
		{"with batch norm", "500", ".9108", "0.0892", "1"},
		{"with batch norm", "1000", ".9406", "0.0594", "2"},
	}
	if !slices.EqualFunc(table.Rows, want, func(a, b []string) bool { return slices.Equal(a, b) }) {
		t.Errorf("rows\n%v\nwant\n%v", table.Rows, want)
	}
	for _, part := range []string{
		"without batch norm: lowest validation loss 0.674 at step 500, accuracy fell at 1 of 2 evaluations, most at step 1000, by .1196",
		"with batch norm: lowest validation loss 0.0594 at step 1000",
	} {
		if !strings.Contains(table.Caption, part) {
			t.Errorf("caption %q lacks %q", table.Caption, part)
		}
	}
}

func TestInside(t *testing.T) {
	signal := probe.Signal{Layer: "hidden_1", Kind: probe.PreActivation, Images: 500, Std: .4567, Percentiles: [5]float64{-2, -1, 0, 1, 2}, Saturated: math.NaN(), Dead: .25}
	size := probe.ParameterSizes{Name: "hidden_1/dense/weights", Norm: 10, Gradient: .5, Update: .05}
	run := pair([3]float64{}, [3]float64{})[1]
	run.Network.LearningRate = 0.1
	see(run, []probe.Snapshot{
		{Step: 0, Images: 500, Signals: []probe.Signal{signal}, Parameters: []probe.ParameterSizes{size}},
		{Step: 100, Images: 500, Parameters: []probe.ParameterSizes{{Name: size.Name, Norm: math.NaN(), Gradient: math.NaN()}}},
	})
	table := chart.Inside([]int{0, 50, 200}, run)
	want := [][]string{
		{"with batch norm", "hidden_1", "0", "0.46", "−1 to 1", "25.0%", "0.5", "0.005"},
		{"with batch norm", "hidden_1", "100", "–", "–", "–", "NaN", "NaN"},
	}
	if !slices.EqualFunc(table.Rows, want, func(a, b []string) bool { return slices.Equal(a, b) }) {
		t.Errorf("rows\n%v\nwant\n%v", table.Rows, want)
	}
	if table.Header[5] != "dead units" {
		t.Errorf("header %q", table.Header)
	}
	if empty := chart.Inside([]int{0}, pair([3]float64{}, [3]float64{})...); len(empty.Rows) > 0 || !strings.Contains(empty.Caption, "Options.Probe") {
		t.Errorf("of runs without snapshots: %v, %q", empty.Rows, empty.Caption)
	}
}
