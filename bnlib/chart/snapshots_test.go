package chart_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// insideFigures are the figures of what a probe saw.
func insideFigures() map[string]*plot.Figure {
	one, four, seven := probed("probe1"), probed("probe4"), probed("probe7")
	networks, snapshots := initial()
	study := studied()
	return map[string]*plot.Figure{
		"profile":        chart.SignalProfile(networks, snapshots),
		"profile_plain":  chart.SignalProfile([]bnlib.Network{networks[0], networks[4]}, []probe.Snapshot{snapshots[0], snapshots[4]}),
		"profile_none":   chart.SignalProfile(nil, nil),
		"multiples":      chart.Multiples(pairs(study)),
		"multiples_one":  chart.Multiples(pairs(study[:1])),
		"multiples_none": chart.Multiples(nil),
		"seeds":          chart.SeedBands(study...),
		"seeds_one":      chart.SeedBands(study[3]),
		"seeds_diverged": chart.SeedBands(study[6]),
		"seeds_none":     chart.SeedBands(),

		"bands":          chart.Bands(one...),
		"bands_sigmoid":  chart.Bands(four...),
		"bands_diverged": chart.Bands(seven...),
		"bands_unprobed": chart.Bands(recorded("experiment1")...),
		"bands_of_one":   chart.Bands(one[1]),
		"bands_mixed":    chart.Bands(one[0], recorded("experiment1")[1]),
		"sizes":          chart.Sizes(one...),
		"sizes_sigmoid":  chart.Sizes(four...),
		"sizes_diverged": chart.Sizes(seven...),
		"sizes_unprobed": chart.Sizes(recorded("experiment1")...),
		"units":          chart.Units(one...),
		"units_sigmoid":  chart.Units(four...),
		"units_diverged": chart.Units(seven...),
		"units_mixed":    chart.Units(one[0], four[0]),
		"units_unprobed": chart.Units(recorded("experiment1")...),
	}
}

// pairs are the runs of a study's first seed.
func pairs(study []bnlib.Replicates) [][]*bnlib.Run {
	var out [][]*bnlib.Run
	for _, r := range study {
		out = append(out, []*bnlib.Run{r.Plain[0], r.BatchNorm[0]})
	}
	return out
}

// looked returns a run of Experiment 1 that was looked into at the given steps, with one signal and one variable in each layer.
func looked(batchNorm bool, steps []int, of func(step, layer int) (probe.Signal, probe.ParameterSizes)) *bnlib.Run {
	run := &bnlib.Run{}
	run.Network.Experiment, run.Network.Norm = bnlib.Article(1), normOf(batchNorm)
	run.Network.LearningRate = 1
	var snapshots []probe.Snapshot
	run.Network.Steps = steps[len(steps)-1]
	for _, step := range steps {
		s := probe.Snapshot{Step: step, Images: 100}
		for layer := 1; layer <= 2; layer++ {
			g, p := of(step, layer)
			g.Layer, g.Kind = fmt.Sprintf("hidden_%d", layer), probe.PreActivation
			p.Name = g.Layer + "/dense/weights"
			product := probe.Signal{Layer: g.Layer, Kind: probe.LinearOutput, Saturated: math.NaN(), Dead: math.NaN(), Std: 999}
			s.Signals = append(s.Signals, product, g)
			s.Parameters = append(s.Parameters, probe.ParameterSizes{Name: g.Layer + "/batch_norm/gamma", Gradient: 999}, p)
		}
		snapshots = append(snapshots, s)
	}
	return see(run, snapshots)
}

// spread is a signal whose percentiles are the multiples -2, -1, 0, 1, 2 of unit, and whose saturated share is given.
func spread(unit, saturated float64) probe.Signal {
	g := probe.Signal{Std: unit, Saturated: saturated, Dead: math.NaN()}
	for i := range g.Percentiles {
		g.Percentiles[i] = unit * float64(i-2)
	}
	return g
}

// grows is a pair whose signal stays as it is with batch normalization, and grows in layer 2 by 1 a step without.
func grows(steps ...int) []*bnlib.Run {
	plain := looked(false, steps, func(step, layer int) (probe.Signal, probe.ParameterSizes) {
		size := 1 + float64(step*(layer-1))
		return spread(size, 0.01*float64(step*layer)), probe.ParameterSizes{Norm: 2, Gradient: 1 / float64(layer*(step+1)), Update: 1}
	})
	with := looked(true, steps, func(int, int) (probe.Signal, probe.ParameterSizes) {
		return spread(1, 0), probe.ParameterSizes{Norm: 2, Gradient: 1, Update: 1}
	})
	return []*bnlib.Run{plain, with}
}

// diverge makes nothing of a run finite from the given step on.
func diverge(run *bnlib.Run, at int) *bnlib.Run {
	nan := math.NaN()
	run.Status, run.DivergedAt = bnlib.Diverged, at
	snapshots := run.Snapshots()
	for i := range snapshots {
		s := &snapshots[i]
		if s.Step < at {
			continue
		}
		for k := range s.Signals {
			g := &s.Signals[k]
			g.Mean, g.Std, g.Percentiles, g.Saturated = nan, nan, [5]float64{nan, nan, nan, nan, nan}, nan
		}
		for k := range s.Parameters {
			s.Parameters[k].Norm, s.Parameters[k].Gradient, s.Parameters[k].Update = nan, nan, nan
		}
	}
	return see(run, snapshots)
}

func TestInsideTitles(t *testing.T) {
	runs := grows(0, 2, 4)
	lost := diverge(grows(0, 2, 4)[0], 3)
	never := diverge(grows(0, 2, 4)[0], 0)
	never.DivergedAt = 1
	tests := []struct{ name, got, want string }{
		{"bands", chart.Bands(runs...).Title, "Experiment 1, middle 70% of hidden_2's pre-activations: with batch norm stays within [−1, 1]; without it moves from [−1, 1] to [−5, 5]"},
		{"bands, diverged", chart.Bands(lost).Title, "Experiment 1, middle 70% of hidden_2's pre-activations: without batch norm [−3, 3], then diverged at step 3"},
		{"bands, never finite", chart.Bands(never).Title, "Experiment 1, middle 70% of hidden_2's pre-activations: without batch norm diverged at step 1"},
		{"bands, no snapshots", chart.Bands(&bnlib.Run{}).Title, "Pre-activations: no snapshots: train with Options.Hooks"},
		{"sizes", chart.Sizes(runs...).Title, "Experiment 1, gradient of hidden_1 over that of hidden_2: with batch norm 1 at step 0, 1 at step 4; without it 2 at step 0, 2 at step 4"},
		{"sizes, diverged", chart.Sizes(lost).Title, "Experiment 1, gradient of hidden_1 over that of hidden_2: without batch norm 2 at step 0, diverged at step 3"},
		{"units", chart.Units(runs...).Title, "Experiment 1, saturated values after 4 steps: with batch norm none; without it up to 8% (hidden_2)"},
		{"units, diverged", chart.Units(lost).Title, "Experiment 1, saturated values after 4 steps: without batch norm diverged at step 3"},
		{"multiples", chart.Multiples([][]*bnlib.Run{pair([3]float64{0, 0, .5}, [3]float64{0, 0, .7}), pair([3]float64{0, 0, .5}, [3]float64{0, 0, .4})}).Title,
			"Validation accuracy of 2 experiments after 1000 steps: higher with batch norm, by more than 0.01, in 1 of 2"},
		{"seeds", chart.SeedBands(replicates(.5, .3, .4)).Title,
			"Experiment 1, validation accuracy after 1000 steps, 3 seeds: with batch norm .9000 (.8000 to 1.0000), without it .4000 (.3000 to .5000)"},
		{"several seeds", chart.SeedBands(replicates(.5, .3, .4), replicates(.5, .3, .95)).Title,
			"Validation accuracy of 2 experiments after 1000 steps, 3 seeds: every network with batch norm is above every one without it, by more than 0.01, in 1 of 2"},
		{"no seeds", chart.SeedBands().Title, "Validation accuracy: not evaluated yet"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: title %q, want %q", test.name, test.got, test.want)
		}
	}
}

// replicates has a seed for each of the given accuracies without batch normalization, and with it .8, .9 and 1.
func replicates(plain ...float64) bnlib.Replicates {
	r := bnlib.Replicates{Experiment: bnlib.Article(1)}
	for i, accuracy := range plain {
		runs := pair([3]float64{.1, .2, accuracy}, [3]float64{.1, .5, .8 + 0.1*float64(i)})
		r.Plain, r.BatchNorm = append(r.Plain, runs[0]), append(r.BatchNorm, runs[1])
	}
	return r
}

func TestBandsDrawPreActivations(t *testing.T) {
	runs := grows(0, 2, 4)
	f := chart.Bands(runs...)
	if len(f.Panels) != 4 || f.Columns != 2 {
		t.Fatalf("%d panels in %d columns, want two layers by two runs", len(f.Panels), f.Columns)
	}
	s := f.Panels[2].Series[0] // hidden_2, without batch norm
	for i, unit := range []float64{1, 3, 5} {
		if s.Y[i] != 0 || s.Bands[0].Low[i] != -2*unit || s.Bands[0].High[i] != 2*unit || s.Bands[1].Low[i] != -unit || s.Bands[1].High[i] != unit {
			t.Errorf("at step %v: median %v, bands %v to %v and %v to %v, want multiples of %v", s.X[i], s.Y[i],
				s.Bands[0].Low[i], s.Bands[0].High[i], s.Bands[1].Low[i], s.Bands[1].High[i], unit)
		}
	}
	if a, b := f.Panels[2].Y, f.Panels[3].Y; a.Min != b.Min || a.Max != b.Max || a.Max < 10 {
		t.Errorf("y axes of one layer are %v and %v, want one that holds both", a, b)
	}
	snapshots := runs[0].Snapshots()
	for k := range snapshots {
		snapshots[k].Signals[1].Percentiles = [5]float64{-1000, -500, 0, 500, 1000}
	}
	see(runs[0], snapshots)
	f = chart.Bands(runs...)
	for _, p := range f.Panels[:2] {
		if p.Y.Max != 0 || !strings.Contains(p.Y.Label, "differ") {
			t.Errorf("%s: y axis %v, want one fitted to its data, and a label that says so", p.Title, p.Y)
		}
	}
}

func TestInsideMarksDivergence(t *testing.T) {
	runs := []*bnlib.Run{diverge(grows(0, 2, 4)[0], 3), grows(0, 2, 4)[1]}
	for name, f := range map[string]*plot.Figure{"bands": chart.Bands(runs...), "sizes": chart.Sizes(runs...), "units": chart.Units(runs...)} {
		marks := 0
		for _, p := range f.Panels {
			for _, m := range p.Marks {
				marks++
				if m.X != 3 || m.Text != "diverged at step 3" || m.Color != plot.Orange.Color {
					t.Errorf("%s: mark %+v", name, m)
				}
			}
		}
		if marks != 2 { // two layers, or two measures
			t.Errorf("%s: %d marks, want 2", name, marks)
		}
	}
	for _, p := range chart.Units(runs...).Panels {
		if y := p.Series[0].Y; !math.IsNaN(y[2]) {
			t.Errorf("saturated share %v after divergence, want NaN", y[2])
		}
	}
}

// A probe at every evaluation of the article's 50000 steps leaves 101 snapshots. Eleven such figures and their pictures fit into
// a page of a megabyte.
func TestFiguresOfAFullTrainingAreSmall(t *testing.T) {
	draw := func(snapshots int) map[string]*plot.Figure {
		var runs []*bnlib.Run
		for _, run := range probed("probe4") {
			full := *run
			full.Network.Steps = 50000
			recorded, all := run.Snapshots(), []probe.Snapshot(nil)
			for i := range snapshots {
				s := recorded[i%len(recorded)]
				s.Step = 50000 * i / (snapshots - 1)
				all = append(all, s)
			}
			runs = append(runs, see(&full, all))
		}
		return map[string]*plot.Figure{
			"bands": chart.Bands(runs...), "sizes": chart.Sizes(runs...), "units": chart.Units(runs...), "heat": chart.HistogramHeat(runs...),
		}
	}
	for name, f := range draw(101) {
		var page bytes.Buffer // as a notebook has it
		if err := json.Indent(&page, vegalite.Of(t, f), "       ", " "); err != nil {
			t.Fatal(err)
		}
		if page.Len() > 100_000 {
			t.Errorf("%s: specification of %d bytes, want at most 100000", name, page.Len())
		}
	}
	for name, f := range draw(5000) { // more than there are pixels
		if spec := vegalite.Of(t, f); len(spec) > 120_000 {
			t.Errorf("%s of 5000 snapshots: specification of %d bytes, want at most 120000", name, len(spec))
		}
	}
}

func TestSizesTellLayersApartByShade(t *testing.T) {
	f := chart.Sizes(grows(0, 2)...)
	seen := map[string]bool{}
	for _, p := range f.Panels[:2] {
		for _, s := range p.Series {
			if seen[s.Style.Color] {
				t.Errorf("%s has the colour of another curve", s.Name)
			}
			seen[s.Style.Color] = true
			if s.Y[0] == 999 {
				t.Errorf("%s shows gamma", s.Name)
			}
		}
	}
	if got := f.Panels[2].Series[0].Y; got[0] != 0.5 {
		t.Errorf("update relative to the weights %v, want 0.5", got)
	}
}

func TestSignalProfileGroupsByExperiment(t *testing.T) {
	networks, snapshots := initial()
	f := chart.SignalProfile(networks, snapshots)
	if f.Columns != 4 || len(f.Panels) != 12 {
		t.Fatalf("%d panels in %d columns, want 12 in 4", len(f.Panels), f.Columns)
	}
	for i, want := range []string{"std 0.05, ReLU", "std 0.05, sigmoid", "std 10, ReLU", "std 10, sigmoid"} {
		p := f.Panels[i]
		if p.Title != want || len(p.Series) != 2 || !reflect.DeepEqual(p.Y, f.Panels[0].Y) {
			t.Errorf("panel %d: %q, %d curves, y axis %v; want %q, both networks, one y axis", i, p.Title, len(p.Series), p.Y, want)
		}
		if got, want := p.Series[0].Y[2], snapshots[2*i].Signals[len(snapshots[2*i].Signals)-1].Std; got != want {
			t.Errorf("panel %d: std %v in layer 3, want %v", i, got, want)
		}
	}
}

func TestSeedBandsHoldEverySeed(t *testing.T) {
	r := replicates(.5, .3, .4)
	r.Plain[1].DivergedAt = 600
	f := chart.SeedBands(r)
	s := f.Panels[0].Series[0]
	if last := len(s.X) - 1; s.Y[last] != .4 || s.Bands[0].Low[last] != .3 || s.Bands[0].High[last] != .5 {
		t.Errorf("median %v, band %v to %v; want .4, .3 to .5", s.Y[last], s.Bands[0].Low[last], s.Bands[0].High[last])
	}
	marks := f.Panels[0].Marks
	if len(marks) != 1 || marks[0].Text != "1 of 3 diverged" || marks[0].X != 600 || marks[0].Y != .2 {
		t.Errorf("marks %+v", marks)
	}
}

func TestSeedErrors(t *testing.T) {
	r := replicates(.5, .3, .4)
	f := chart.SeedErrors(r)
	if want := "Experiment 1, validation error after 1000 steps, 3 seeds: with batch norm 10.00% (0.00% to 20.00%), without it 60.00% (50.00% to 70.00%)"; f.Title != want {
		t.Errorf("title %q, want %q", f.Title, want)
	}
	if !f.Panels[0].Y.Log {
		t.Error("the axis is not logarithmic")
	}
	s := f.Panels[0].Series[0]
	if last := len(s.X) - 1; math.Abs(s.Y[last]-.6) > 1e-9 || s.Bands[0].Low[last] != .5 || s.Bands[0].High[last] != .7 {
		t.Errorf("median %v, band %v to %v; want .6, .5 to .7", s.Y[last], s.Bands[0].Low[last], s.Bands[0].High[last])
	}
	with := f.Panels[0].Series[1] // one of its seeds ends without an error
	if last := len(with.X) - 1; !math.IsNaN(with.Y[last]) || !math.IsNaN(with.Bands[0].Low[last]) {
		t.Errorf("an error of 0 is drawn at %v, from %v", with.Y[last], with.Bands[0].Low[last])
	}
	several := chart.SeedErrors(r, replicates(.5, .3, .95)).Title
	if want := "Validation error of 2 experiments after 1000 steps, 3 seeds: every network with batch norm is below every one without it, by more than 0.01, in 1 of 2"; several != want {
		t.Errorf("title %q, want %q", several, want)
	}
	if title := chart.SeedErrors().Title; title != "Validation error: not evaluated yet" {
		t.Errorf("title %q", title)
	}
}
