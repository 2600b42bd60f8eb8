package chart_test

import (
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/probe"
)

func TestHistogramHeatOfRecordings(t *testing.T) {
	for _, name := range []string{"inside3", "inside4", "inside6"} {
		runs := recordedInside(name)
		figure := chart.HistogramHeat(runs...)
		if len(figure.Panels) != 6 || figure.Columns != 2 {
			t.Fatalf("%s: %d panels in %d columns, want 3 layers of 2 runs", name, len(figure.Panels), figure.Columns)
		}
		for i, p := range figure.Panels {
			cells := p.Cells[0]
			if len(cells.Values) != len(runs[i%2].Snapshots()) {
				t.Errorf("%s: %d columns for %d snapshots", name, len(cells.Values), len(runs[i%2].Snapshots()))
			}
			for k, column := range cells.Values {
				sum := 0.0
				for _, share := range column {
					sum += share
				}
				if bent := p.Y.Names != nil; sum > 1+1e-9 || sum < .989 && !bent || sum < .85 {
					t.Errorf("%s, %s: shares of column %d sum to %v", name, p.Title, k, sum)
				}
			}
		}
	}
}

// seenBy returns a run that was looked at with the given histograms, at steps 0, 10, 20, ...
func seenBy(kind probe.SignalKind, histograms ...probe.Histogram) *bnlib.Run {
	run := &bnlib.Run{}
	run.Network.Norm = bnlib.None
	var snapshots []probe.Snapshot
	run.Network.Steps = 10 * (len(histograms) - 1)
	for i, h := range histograms {
		signal := probe.Signal{Layer: "hidden_1", Kind: kind, Histogram: h, Percentiles: [5]float64{-3, -2, 0, 2, 3}}
		if math.IsNaN(h.Min) {
			nan := math.NaN()
			signal.NotFinite, signal.Percentiles = 8, [5]float64{nan, nan, nan, nan, nan}
		}
		snapshots = append(snapshots, probe.Snapshot{Step: 10 * i, Signals: []probe.Signal{signal}})
	}
	return see(run, snapshots)
}

func TestHistogramHeat(t *testing.T) {
	nan := math.NaN()
	even := probe.Histogram{Min: -4, Max: 4, Counts: []int{2, 2, 2, 2}}
	one := probe.Histogram{Min: 1, Max: 1, Counts: []int{8, 0, 0, 0}}
	none := probe.Histogram{Min: nan, Max: nan, Counts: []int{0, 0, 0, 0}}
	run := seenBy(probe.PreActivation, even, one, none)
	run.DivergedAt = 15
	figure := chart.HistogramHeat(run)
	if want := "Middle 70% of hidden_1's pre-activations: without batch norm [−2, 2], then diverged at step 15"; figure.Title != want {
		t.Errorf("title %q, want %q", figure.Title, want)
	}
	p := figure.Panels[0]
	if got := p.Cells[0].X; got[0] != 0 || got[1] != 5 || got[2] != 15 || got[3] != 20 {
		t.Errorf("edges %v, want 0, 5, 15, 20", got)
	}
	if p.Y.Min != -3.96 || p.Y.Max != 3.96 {
		t.Errorf("from %v to %v, want ±3.96, which leaves 0.5%% on either side", p.Y.Min, p.Y.Max)
	}
	columns := p.Cells[0].Values
	for k, share := range columns[0] {
		if want := .99 / float64(len(columns[0])); math.Abs(share-want) > 1e-12 {
			t.Errorf("cell %d of evenly spread values has %v, want %v", k, share, want)
		}
	}
	full := 0
	for k, share := range columns[1] {
		if low, high := p.Cells[0].Y[k], p.Cells[0].Y[k+1]; share == 1 && low <= 1 && 1 <= high {
			full++
		} else if share != 0 {
			t.Errorf("cell %d has %v of values that are all 1", k, share)
		}
	}
	if full != 1 {
		t.Errorf("%d cells have all values, want 1", full)
	}
	if !math.IsNaN(columns[2][0]) {
		t.Errorf("a step without finite values has the share %v", columns[2][0])
	}
	if len(p.Marks) != 1 || p.Marks[0].X != 20 || p.Marks[0].Text != "diverged at step 15: no finite values" {
		t.Errorf("marks %v", p.Marks)
	}
}

func TestHistogramHeatWithoutSnapshots(t *testing.T) {
	seen := seenBy(probe.LinearOutput, probe.Histogram{Min: 0, Max: 1, Counts: []int{1, 1}})
	blind := &bnlib.Run{}
	blind.Network.Norm = bnlib.Batch
	for _, runs := range [][]*bnlib.Run{{}, {blind}, {seen, blind}} {
		figure := chart.HistogramHeat(runs...)
		last := figure.Panels[len(figure.Panels)-1]
		if !strings.Contains(last.Empty, "Options.Hooks") || len(last.Cells) > 0 {
			t.Errorf("of %d runs the last panel says %q", len(runs), last.Empty)
		}
		vegalite.Of(t, figure)
		if _, err := figure.PNG(); err != nil {
			t.Error(err)
		}
	}
	if got := chart.HistogramHeat(seen, blind).Panels[0].Y.Label; got != "product" {
		t.Errorf("without a pre-activation the axis says %q", got)
	}
}
