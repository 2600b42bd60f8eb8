package chart_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/probe"
)

// growing returns a run whose pre-activations widen, with an evaluation at each look and a loss for each step. Its learning rate is 1, and
// 3 from step 1500 on.
func growing(batchNorm bool, steps ...int) *bnlib.Run {
	run := widening(batchNorm, steps...)
	for i, step := range steps {
		run.Points = append(run.Points, bnlib.Point{Step: step, Loss: 1, Accuracy: float64(i) / float64(len(steps))})
	}
	for range steps[len(steps)-1] {
		run.Losses = append(run.Losses, 2)
	}
	run.Network.Schedule = func(step int) float64 {
		if step < 1500 {
			return 1
		}
		return 3
	}
	return run
}

func TestGrowth(t *testing.T) {
	steps := upTo(4000, 100)
	e := chart.Growth(growing(false, steps...), growing(true, steps...))
	if len(e.States) != 21 || e.Start != 20 || !e.Play || e.Slider.Step != 200 || e.Slider.Max != 4000 {
		t.Fatalf("slider %+v, %d states, starts with %d; want 21, and the last first", e.Slider, len(e.States), e.Start)
	}
	last := e.States[20].Figure
	if len(last.Panels) != 3*3 || last.Columns != 3 {
		t.Fatalf("%d panels in %d columns, want a row for the curves and one for each of two layers", len(last.Panels), last.Columns)
	}
	if want := "Experiment 1, step 2000, learning rate 3, validation accuracy with batch norm .4878; without it .4878"; e.States[10].Figure.Title != want {
		t.Errorf("title %q, want %q", e.States[10].Figure.Title, want)
	}
	for _, s := range e.States {
		for i, p := range s.Figure.Panels {
			if p.X.Min != last.Panels[i].X.Min || p.X.Max != last.Panels[i].X.Max || p.Y.Min != last.Panels[i].Y.Min || p.Y.Max != last.Panels[i].Y.Max {
				t.Errorf("at %v panel %d has axes of its own", s.Position, i)
			}
			if p.X.Label != "training step" {
				continue
			}
			for _, c := range p.Series {
				if len(c.X) > 0 && slices.Max(c.X) > s.Position {
					t.Errorf("at %v a curve of panel %q reaches to %v", s.Position, p.Title, slices.Max(c.X))
				}
			}
		}
	}
	accuracy, rate, spread := last.Panels[0].Series[1], last.Panels[2].Series[0], last.Panels[8].Series
	if len(accuracy.X) != len(steps) || accuracy.Y[20] != 20./41 {
		t.Errorf("the accuracies are %v at %v", accuracy.Y, accuracy.X)
	}
	if !slices.Equal(rate.X, []float64{0, 1500, 1500, 4000}) || !slices.Equal(rate.Y, []float64{1, 1, 3, 3}) {
		t.Errorf("the rate is %v at %v, want a step at 1500", rate.Y, rate.X)
	}
	if before := e.States[5].Figure.Panels[2].Series[0]; !slices.Equal(before.Y, []float64{1, 1}) {
		t.Errorf("at step 1000 the rate is %v", before.Y)
	}
	if len(spread) != 2 || len(spread[0].X) != len(steps) {
		t.Errorf("the spread has %d curves", len(spread))
	}
	thin, thick := last.Panels[3].Series[0], last.Panels[3].Series[1]
	if first := e.States[0].Figure.Panels[3].Series[1]; !thin.Faint || !slices.Equal(thin.Y, first.Y) || slices.Equal(thick.Y, first.Y) {
		t.Error("the distribution does not move, or the thin curve does")
	}
	if spec := vegalite.Of(t, e); len(spec) > 250_000 {
		t.Errorf("the specification has %d bytes", len(spec))
	}
}

// TestGrowthNow draws networks that train: one is ahead, one has not begun.
func TestGrowthNow(t *testing.T) {
	ahead, behind := growing(false, upTo(2000, 100)...), growing(true, upTo(1000, 100)...)
	f := chart.GrowthNow(ahead, behind)
	if !strings.Contains(f.Title, "step 1000, learning rate 1, ") || f.Panels[0].X.Max != 1000 {
		t.Errorf("%q, as far as step %v; want what both have reached", f.Title, f.Panels[0].X.Max)
	}
	bare := &bnlib.Run{Network: ahead.Network}
	for name, runs := range map[string][]*bnlib.Run{"none": nil, "nil": {nil}, "not begun": {bare, bare}} {
		for _, p := range chart.GrowthNow(runs...).Panels {
			if !strings.Contains(p.Empty, "no snapshots") || len(p.Series) > 0 {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if _, err := chart.Growth(runs...).PNG(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n, columns := range map[int]int{1: 2, 2: 3, 3: 3} {
		f := chart.GrowthNow(slices.Repeat([]*bnlib.Run{behind}, n)...)
		if f.Columns != columns || len(f.Panels) != 3*columns {
			t.Errorf("%d runs: %d panels in %d columns", n, len(f.Panels), f.Columns)
		}
	}
	dead := looked(false, []int{0, 100}, func(step, layer int) (probe.Signal, probe.ParameterSizes) {
		nan := math.NaN()
		return probe.Signal{Std: nan, NotFinite: 600, Histogram: probe.Histogram{Min: nan, Max: nan}}, probe.ParameterSizes{}
	})
	dead.Points, dead.DivergedAt = []bnlib.Point{{Loss: math.NaN()}, {Step: 100, Loss: math.NaN()}}, 7
	if f := chart.GrowthNow(dead, behind); !strings.Contains(f.Title, "without it diverged (step 7)") {
		t.Errorf("title %q", f.Title)
	}
	vegalite.Of(t, chart.Growth(dead, growing(true, 0, 100)))
}
