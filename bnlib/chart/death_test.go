package chart_test

import (
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"

	"github.com/google/go-cmp/cmp"
)

// firstSteps are three runs of two layers, looked into at steps 0 to 4: of the first hidden_2 dies after step 2; of the second the
// loss is lost after step 2, hidden_2 after step 3, and the weights after step 4; the third lives.
func firstSteps() []*bnlib.Run {
	var runs []*bnlib.Run
	inf, nan := math.Inf(1), math.NaN()
	for k, name := range []string{"Experiment 3", "Experiment 5", "Experiment 7"} {
		run := looked(k == 2, []int{0, 1, 2, 3, 4}, func(step, layer int) (probe.Signal, probe.ParameterSizes) {
			g, p := spread(1+float64(step), nan), probe.ParameterSizes{Norm: float64(10 + step)}
			g.Dead = 0.1
			switch {
			case k == 0 && layer == 2 && step >= 2:
				g.Dead = 1
			case k == 1 && step >= 3 && layer == 2:
				g.NotFinite = 1 // of many: Std is that of the rest
			}
			if k == 1 && step == 4 {
				p.Norm = inf
			}
			return g, p
		})
		run.Network.Name = name
		snapshots := run.Snapshots()
		for i := range snapshots {
			if snapshots[i].Loss = 2.3; k == 1 && i >= 2 {
				snapshots[i].Loss = nan
			}
		}
		runs = append(runs, see(run, snapshots))
	}
	return runs
}

func TestFirstSteps(t *testing.T) {
	f := chart.FirstSteps(firstSteps()...)
	if want := "The first 4 steps: Experiment 3: all units of hidden_2 dead after step 2; Experiment 5: loss not finite after step 2; Experiment 7: nothing, but 10% of hidden_1 are dead at the end"; f.Title != want {
		t.Errorf("title %q, want %q", f.Title, want)
	}
	if len(f.Panels) != 12 || f.Columns != 3 {
		t.Fatalf("%d panels in %d columns, want four rows of three runs", len(f.Panels), f.Columns)
	}
	for i, steps := range [][]float64{1: {3}, 4: nil, 7: {4, 4}, 10: {2}, 11: nil} {
		var marked []float64
		for _, m := range f.Panels[i].Marks {
			marked = append(marked, m.X)
		}
		if len(marked) != len(steps) || len(steps) > 0 && marked[0] != steps[0] {
			t.Errorf("panel %d (%s): × at %v, want %v", i, f.Panels[i].Y.Label, marked, steps)
		}
	}
	deep := f.Panels[1].Series[1] // hidden_2's pre-activations in experiment 5
	if !strings.HasPrefix(deep.Name, "hidden_2") || deep.Y[2] != 3 || !math.IsNaN(deep.Y[3]) || !math.IsNaN(deep.Y[4]) {
		t.Errorf("%s: %v, want a curve that ends at step 2", deep.Name, deep.Y)
	}
	for i, color := range []string{plot.Orange.Color, plot.Orange.Color, plot.Blue.Color} {
		if got := f.Panels[9+i].Series[0].Style.Color; got != color {
			t.Errorf("the loss of run %d is %s, want %s", i, got, color)
		}
	}
	want := [][]string{
		{"3 · without batch norm", "1", "all units of hidden_2 dead", "2", "2.3", "1.2"},
		{"5 · without batch norm", "1", "loss not finite", "2", "2.3", "1.2"},
		{"7 · with batch norm", "1", "nothing, but 10% of hidden_1 are dead at the end", "–", "2.3", "1.4"},
	}
	if diff := cmp.Diff(want, chart.Failures(firstSteps()...).Rows); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	vegalite.Of(t, f)
	if _, err := f.PNG(); err != nil {
		t.Error(err)
	}
	if empty := chart.FirstSteps(&bnlib.Run{}); len(empty.Panels) != 1 || !strings.Contains(empty.Title, "Options.Hooks") {
		t.Errorf("without snapshots: %d panels, %q", len(empty.Panels), empty.Title)
	}
}
