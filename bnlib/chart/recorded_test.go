package chart

import (
	"slices"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

func TestRecorded(t *testing.T) {
	e := bnlib.Article(1)
	runs := []*bnlib.Run{{Network: e.Pair()[0]}, {Network: e.Pair()[1], Seen: map[string]*probe.History{"angle": {
		Steps: []int{0, 50}, Names: []string{"all"}, Values: [][][]float64{{{1, 2}}, {{3, 4}}}}}}}
	hook := probe.Hook{Name: "angle"}
	curves := Recorded(hook, "all", nil, runs...)
	if len(curves) != 2 || len(curves[0].X) != 0 || curves[0].Style.Color != plot.Orange.Color {
		t.Fatalf("the run that was not looked at has %v", curves)
	}
	if got := curves[1]; !slices.Equal(got.X, []float64{0, 50}) || !slices.Equal(got.Y, []float64{1, 3}) || got.Style.Color != plot.Blue.Color {
		t.Errorf("first numbers: %v", got)
	}
	if got := Recorded(hook, "all", slices.Max[[]float64], runs...)[1].Y; !slices.Equal(got, []float64{2, 4}) {
		t.Errorf("largest numbers: %v", got)
	}
	if got := Recorded(hook, "another", nil, runs...)[1]; len(got.X) != 0 {
		t.Errorf("a record that there is not: %v", got)
	}
}
