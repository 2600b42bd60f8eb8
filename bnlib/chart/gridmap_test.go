package chart_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
)

// phase is a whole map but for one point, at which one of three seeds is done, and another, at which none is.
func phase() *bnlib.Results {
	r := &bnlib.Results{Grid: bnlib.Phase()}
	for i, n := range r.Grid.Networks() {
		run := &bnlib.Run{Network: n, Test: float64(n.Seed) / 10, Status: bnlib.Finished} // 0.1, 0.2, 0.3
		if n.Norm.Equal(bnlib.Batch) {
			run.Test += 0.5
		}
		if i < 6 && n.Seed > 1 || i >= 6 && i < 12 {
			run.Status, run.Test = bnlib.Running, math.NaN()
		}
		r.Runs = append(r.Runs, run)
	}
	return r
}

// A map of the whole size has a panel for each norm and activation, in each of them the article's points that belong there, and says
// of each cell what its seeds came to.
func TestGridMap(t *testing.T) {
	f := chart.GridMap(phase())
	if want := "Test accuracy of 0.9 or more: without batch norm in 0 of 337 cells; with batch norm in 0 of 337 cells"; f.Title != want {
		t.Errorf("title %q, want %q", f.Title, want)
	}
	for i, want := range []struct {
		title  string
		labels []string
		middle float64
	}{
		{"without batch norm, ReLU", []string{"1", "3", "5", "7"}, 0.2}, {"with batch norm, ReLU", []string{"1", "3", "5", "7"}, 0.7},
		{"without batch norm, sigmoid", []string{"2", "4", "6", "8"}, 0.2}, {"with batch norm, sigmoid", []string{"2", "4", "6", "8"}, 0.7},
	} {
		p := f.Panels[i]
		var labels []string
		for _, l := range p.Labels {
			labels = append(labels, l.Text)
		}
		if p.Title != want.title || !reflect.DeepEqual(labels, want.labels) || p.Cells[0].Values[7][7] != want.middle {
			t.Errorf("panel %d: %q with marks %q and %v in the middle, want %+v", i, p.Title, labels, p.Cells[0].Values[7][7], want)
		}
	}
	five := f.Panels[1].Labels[2]
	if five.X != 10 || five.Y != 0.01 || five.Detail != "5 · std 10, rate 0.01, ReLU" {
		t.Errorf("experiment 5 is at %+v", five)
	}
	cells := f.Panels[0].Cells[0]
	if got, want := []string{cells.Notes[0][0], cells.Notes[1][0], cells.Notes[2][0]}, []string{"1 seed", "no seed done", ".1000 to .3000 of 3 seeds"}; !reflect.DeepEqual(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
	if !math.IsNaN(cells.Values[1][0]) || cells.Values[0][0] != 0.1 {
		t.Errorf("values %v and %v, want those of the seeds that are done", cells.Values[0][0], cells.Values[1][0])
	}
	spec := string(vegalite.Of(t, f))
	for _, want := range []string{"lowest to highest", ".1000 to .3000 of 3 seeds", "5 · std 10, rate 0.01, ReLU"} {
		if !strings.Contains(spec, want) {
			t.Errorf("who points at the map does not read %q", want)
		}
	}
}

// A mark that an axis has no place for is left out: beyond its values, or where the axis does not say what an experiment has; and so is
// one of another activation.
func TestGridMapMarks(t *testing.T) {
	one, two := bnlib.Article(1), bnlib.Article(2)
	one.Name = "mine"
	for _, test := range []struct {
		axes []bnlib.Axis
		want []plot.Label
	}{
		{[]bnlib.Axis{bnlib.Std(0.01, 0.1, 1)}, []plot.Label{{X: 0.05, Y: 1, Text: "mine", Detail: "mine · std 0.05, rate 0.01, ReLU"}}},
		{[]bnlib.Axis{bnlib.Rate(0.001, 0.1), bnlib.StdOf("logits", 0.01, 0.1)}, []plot.Label{{X: math.NaN(), Y: 0.01}}},
		{[]bnlib.Axis{bnlib.StdOf("logits", 1), bnlib.Rate(0.001, 0.1), bnlib.Std(0.01, 0.1)}, nil},
	} {
		g := bnlib.Grid{Base: bnlib.Article(1), Axes: test.axes, Norms: []bnlib.Norm{bnlib.Batch}, Marks: []bnlib.Experiment{one, two}}
		r := &bnlib.Results{Grid: g, Runs: make([]*bnlib.Run, g.Points())}
		f := chart.GridMap(r)
		got := f.Panels[0].Labels
		if len(got) != len(test.want) {
			t.Errorf("%v: marks %+v, want %+v", test.axes[0].Name, got, test.want)
			continue
		}
		for i, want := range test.want {
			if math.IsNaN(want.X) != math.IsNaN(got[i].X) || got[i].Y != want.Y || want.Text != "" && got[i] != want {
				t.Errorf("%v: mark %+v, want %+v", test.axes[0].Name, got[i], want)
			}
		}
		vegalite.Of(t, f)
		if _, err := f.PNG(); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkGridMap is what a live view of a map costs at each picture.
func BenchmarkGridMap(b *testing.B) {
	r := phase()
	for b.Loop() {
		if _, err := chart.GridMap(r).PNG(); err != nil {
			b.Fatal(err)
		}
	}
}
