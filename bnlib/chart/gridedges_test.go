package chart_test

import (
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
)

// ridge is a grid in which what is trained with batch norm works within a decade of rate = 0.1·std², and what is trained without
// nowhere, and of which the last point is not done.
func ridge() *bnlib.Results {
	r := &bnlib.Results{Grid: bnlib.Phase()}
	for _, n := range r.Grid.Networks() {
		run := &bnlib.Run{Network: n, Test: 0.1 + float64(n.Seed)/1000}
		if n.Norm.Equal(bnlib.Batch) {
			run.Test += 0.8 - 0.4*math.Abs(math.Log10(10*ratio(n.Experiment)))
		}
		r.Runs = append(r.Runs, run)
	}
	for i := range 6 {
		r.Runs[len(r.Runs)-1-i] = &bnlib.Run{Network: r.Runs[len(r.Runs)-1-i].Network, Status: bnlib.Running}
	}
	return r
}

func ratio(e bnlib.Experiment) float64 { return e.LearningRate / (e.InitStd * e.InitStd) }

// The edges of a ridge are the parallels where its sides cross the level, in a panel for each activation.
func TestGridEdges(t *testing.T) {
	f := chart.GridEdges(ridge(), 0.502)
	if len(f.Panels) != 2 || f.Panels[0].Title != "ReLU" || f.Panels[1].Title != "sigmoid" {
		t.Fatalf("%d panels, the first %q", len(f.Panels), f.Panels[0].Title)
	}
	found := 0
	for _, p := range f.Panels {
		for i, s := range p.Scatters {
			if want := bnlib.Batch.Name; (s.Name == want) != (len(s.X) > 0) {
				t.Errorf("%q has %d edges", s.Name, len(s.X))
			}
			found += len(s.X)
			for k := range s.X { // one decade, in which accuracy falls by 0.4, up and down from 0.1·std²
				want := 0.1 * s.X[k] * s.X[k] * map[bool]float64{false: 10, true: 0.1}[s.Cross]
				if math.Abs(math.Log(s.Y[k]/want)) > 1e-6 {
					t.Errorf("scatter %d, cross %v: the edge at %v is %v, want %v", i, s.Cross, s.X[k], s.Y[k], want)
				}
			}
		}
	}
	if found < 30 || !strings.Contains(f.Title, ".5020") {
		t.Errorf("title %q, of %d edges", f.Title, found)
	}
	vegalite.Of(t, f)
	if _, err := f.PNG(); err != nil {
		t.Error(err)
	}
}

// Where a number decides the accuracy, networks of one number and seed lie within nothing; where another one does, they do not.
func TestCollapse(t *testing.T) {
	r := ridge()
	f := chart.Collapse("rate/std²", ratio, r, nil)
	if want := "Networks of one rate/std² and seed lie within .0000 without batch norm, .0000 with batch norm; seeds of a cell within .0020 (medians)"; f.Title != want {
		t.Errorf("title %q, want %q", f.Title, want)
	}
	dots := 0
	for _, p := range f.Panels {
		for _, s := range p.Scatters {
			dots += len(s.X)
			if (s.Name == bnlib.None.Name) != s.Cross {
				t.Errorf("%q: cross %v", s.Name, s.Cross)
			}
		}
	}
	if len(f.Panels) != 2 || dots != len(r.Runs)-6 {
		t.Errorf("%d panels with %d dots, want 2 with one for each of %d networks that are done", len(f.Panels), dots, len(r.Runs)-6)
	}
	other := chart.Collapse("rate", func(e bnlib.Experiment) float64 { return e.LearningRate }, r)
	if strings.Contains(other.Title, ".0000 with batch norm") {
		t.Errorf("of the rate alone: %q", other.Title)
	}
	vegalite.Of(t, f)
}
