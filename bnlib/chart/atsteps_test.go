package chart_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/probe"

	"github.com/google/go-cmp/cmp"
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
	signal := probe.Signal{Layer: "hidden_1", Kind: probe.PreActivation, Images: 500, Std: .4567, OverImages: .123, Cosine: -.98765,
		Percentiles: [5]float64{-2, -1, 0, 1, 2}, Saturated: math.NaN(), Dead: .25}
	lost := signal
	nan := math.NaN()
	lost.Std, lost.OverImages, lost.Cosine, lost.Dead, lost.Percentiles[1], lost.Percentiles[3] = nan, nan, nan, nan, nan, nan
	run := pair([3]float64{}, [3]float64{})[1]
	see(run, []probe.Snapshot{
		{Step: 0, Images: 500, Signals: []probe.Signal{signal}},
		{Step: 100, Images: 500, Signals: []probe.Signal{lost}},
	})
	table := chart.Inside([]int{0, 50, 200}, run)
	want := [][]string{
		{"with batch norm", "hidden_1", "0", "0.46", "0.12", "−0.988", "−1 to 1", "25.0%"},
		{"with batch norm", "hidden_1", "100", "NaN", "NaN", "–", "–", "–"},
	}
	if diff := cmp.Diff(want, table.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if table.Header[7] != "dead units" {
		t.Errorf("header %q", table.Header)
	}
	if empty := chart.Inside([]int{0}, pair([3]float64{}, [3]float64{})...); len(empty.Rows) > 0 || !strings.Contains(empty.Caption, "Options.Hooks") {
		t.Errorf("of runs without snapshots: %v, %q", empty.Rows, empty.Caption)
	}
}

func TestVariables(t *testing.T) {
	run := pair([3]float64{}, [3]float64{})[1]
	run.Network.LearningRate, run.Network.Rates = 0.1, bnlib.ByVariable{"logits": 0}
	at := func(distance float64) []probe.ParameterSizes {
		return []probe.ParameterSizes{
			{Name: "hidden_1/dense/weights", Norm: 10, Initial: 8, Distance: distance, Gradient: .5},
			{Name: "hidden_1/batch_norm/beta", Norm: distance, Distance: distance, Gradient: 2},
			{Name: "logits/dense/weights", Norm: 4, Initial: 4, Gradient: 3},
		}
	}
	see(run, []probe.Snapshot{{Step: 0, Parameters: at(0)}, {Step: 100, Parameters: at(2)}})
	want := [][]string{
		{"with batch norm", "hidden_1/dense/weights", "8", "0", "0", "0.5", "0.005"},
		{"with batch norm", "hidden_1/dense/weights", "8", "100", "0.25", "0.5", "0.005"},
		{"with batch norm", "hidden_1/batch_norm/beta", "0", "0", "0*", "2", "–"},
		{"with batch norm", "hidden_1/batch_norm/beta", "0", "100", "2*", "2", "0.1"},
		{"with batch norm", "logits/dense/weights", "4", "0", "0", "3", "0"},
		{"with batch norm", "logits/dense/weights", "4", "100", "0", "3", "0"},
	}
	if diff := cmp.Diff(want, chart.Variables([]int{0, 99999}, run).Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if empty := chart.Variables([]int{0}, pair([3]float64{}, [3]float64{})...); len(empty.Rows) > 0 || !strings.Contains(empty.Caption, "Options.Hooks") {
		t.Errorf("of runs without snapshots: %v, %q", empty.Rows, empty.Caption)
	}
}
