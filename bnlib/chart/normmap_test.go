package chart_test

import (
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
)

// TestNormMap draws two rates, three norms and two seeds: of mine one network diverged, and one is not done.
func TestNormMap(t *testing.T) {
	mine := bnlib.Norm{Name: "mine"}
	g := bnlib.Grid{Base: bnlib.Article(1), Axes: []bnlib.Axis{bnlib.Rate(0.1, 2)}, Norms: []bnlib.Norm{bnlib.None, bnlib.Batch, mine}, Seeds: 2}
	results := &bnlib.Results{Grid: g}
	for i, network := range g.Networks() {
		run := &bnlib.Run{Network: network, Status: bnlib.Finished, Test: 0.5 + 0.04*float64(i)}
		if i > 7 {
			run.Test += 0.05
		}
		switch i {
		case 2:
			run.Status, run.DivergedAt, run.Test = bnlib.Diverged, 7, 0.098
		case 5:
			run.Status, run.Test = bnlib.Running, math.NaN()
		}
		results.Runs = append(results.Runs, run)
	}
	f := chart.NormMap(results)
	if want := "Test accuracy of 0.9 or more in how many of 2 columns: without batch norm 0; with batch norm 0; mine 1"; f.Title != want {
		t.Errorf("title %q, want %q", f.Title, want)
	}
	p := f.Panels[0]
	cells := p.Cells[0]
	for at, want := range map[[2]int]float64{{0, 2}: 0.56, {0, 1}: 0.60, {0, 0}: 0.098, {1, 2}: 0.825, {1, 1}: 0.865, {1, 0}: 0.93} { // column, row from below
		if got := cells.Values[at[0]][at[1]]; math.Abs(got-want) > 1e-9 {
			t.Errorf("cell %v is %v, want %v", at, got, want)
		}
	}
	if cells.RowNames[0] != "mine" || p.Y.Names[0].Text != bnlib.None.Name || p.Y.Names[0].At != 0 || p.X.Names[1].Text != "2" {
		t.Errorf("rows %v, %v; columns %v", cells.RowNames, p.Y.Names, p.X.Names)
	}
	dots := map[string]int{}
	for _, s := range p.Scatters {
		dots[s.Name] = len(s.X)
		if s.Cross && (s.X[0] != -0.5+0.098 || s.Y[0] != -2 || !strings.Contains(s.Details[0], "diverged at step 7")) {
			t.Errorf("diverged: %v, %v, %q", s.X, s.Y, s.Details)
		}
	}
	if dots[bnlib.None.Name] != 4 || dots[bnlib.Batch.Name] != 4 || dots["a network of another norm"] != 2 || dots["diverged"] != 1 {
		t.Errorf("dots %v", dots)
	}
	vegalite.Of(t, f)
	if _, err := f.PNG(); err != nil {
		t.Error(err)
	}
}
