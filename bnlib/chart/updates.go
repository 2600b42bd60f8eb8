package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// Sizes draws, for the weights of each hidden layer through training, the norm of the gradient and the size of an update
// relative to the weights: a row each, a column a run, on log axes. Each look is at one minibatch, and gradients differ from one to the
// next by their noise: the curve is the mean of several looks, the band reaches from the smallest to the largest of them; the
// look before the first step stands alone. Layers are told apart by shade, from pale, near the images, to dark. The runs need
// snapshots, which Options.Hooks takes.
func Sizes(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	f := &plot.Figure{Title: sizesTitle(runs), Subtitle: conditions(runs), Columns: len(runs), Width: plot.PageWidth, Height: 180}
	for _, run := range runs {
		if n := sizesWindow(run); run == runs[0] || n != sizesWindow(runs[0]) {
			explain(f, fmt.Sprintf("line: mean of %d looks, one minibatch each; band: smallest to largest", n))
		}
	}
	names := layers(snapshots(runs)...)
	if len(names) == 0 {
		return unprobed(f, runs)
	}
	looks := appearances(runs)
	for _, measure := range []struct {
		label string
		of    func(probe.ParameterSizes) float64
	}{
		{"norm of the weights' gradient (log scale)", func(p probe.ParameterSizes) float64 { return p.Gradient }},
		{"update relative to the weights (ratio of norms, log scale)", probe.ParameterSizes.Ratio},
	} {
		row := make([]plot.Panel, len(runs))
		for i, run := range runs {
			p := plot.Panel{Title: looks[i].name, X: stepAxis(runs), Y: plot.Axis{Label: measure.label, Log: true}, Empty: notProbed}
			for k, layer := range names {
				s := sizesSeries(run, layer, measure.of)
				s.Name, s.Style = layer+", "+looks[i].name, looks[i].style.Shade(k, len(names))
				if len(s.X) == 0 {
					continue
				}
				p.Series = append(p.Series, s)
				if len(p.Marks) == 0 {
					s.Style = looks[i].style // one mark for all layers
					p.Marks = ends(run, s)
				}
			}
			row[i] = p
		}
		plot.ShareAxis(row)
		f.Panels = append(f.Panels, row...)
	}
	return f
}

// sizesWindow is how many looks of a run make one point of a curve of Sizes: five, or as many more as leave each point four pixels.
func sizesWindow(run *bnlib.Run) int {
	const points = (plot.PageWidth/2 - plot.AxisWidth) / 4
	return max(5, (len(run.Snapshots())+points-1)/points)
}

// sizesSeries is a measure of a layer's weights through training, without a name. A gradient that is exactly 0, which a log axis
// cannot show, breaks the curve.
func sizesSeries(run *bnlib.Run, layer string, of func(probe.ParameterSizes) float64) plot.Series {
	var s plot.Series
	var band plot.Band
	all, window := run.Snapshots(), sizesWindow(run)
	for from := 0; from < len(all); {
		to := min(from+window, len(all))
		if from == 0 && all[0].Step == 0 {
			to = 1
		}
		sum, low, high, n, steps := 0., math.Inf(1), math.Inf(-1), 0., 0.
		for _, snapshot := range all[from:to] {
			if w, ok := weightsOf(snapshot, layer); ok {
				v := of(w)
				sum, low, high, n, steps = sum+v, min(low, v), max(high, v), n+1, steps+float64(snapshot.Step)
			}
		}
		from = to
		if n == 0 {
			continue
		}
		mean := sum / n
		if mean == 0 {
			mean, low, high = math.NaN(), math.NaN(), math.NaN()
		}
		s.X, s.Y = append(s.X, steps/n), append(s.Y, mean)
		band.Low, band.High = append(band.Low, low), append(band.High, high)
	}
	band.Note = "smallest to largest"
	s.Bands = []plot.Band{band}
	return s
}

// weightsOf returns the sizes of the weight matrix of a layer, or, if none of its variables is called weights, of the first of
// them.
func weightsOf(s probe.Snapshot, layer string) (probe.ParameterSizes, bool) {
	within := func(p probe.ParameterSizes) bool { return layer == "" || strings.HasPrefix(p.Name, layer+"/") }
	i := slices.IndexFunc(s.Parameters, func(p probe.ParameterSizes) bool {
		return within(p) && strings.HasSuffix("/"+p.Name, "/weights")
	})
	if i < 0 {
		i = slices.IndexFunc(s.Parameters, within)
	}
	if i < 0 {
		return probe.ParameterSizes{}, false
	}
	return s.Parameters[i], true
}

// sizesTitle compares the gradient of the first hidden layer with that of the last, at the first snapshot and at the last: where
// it is much smaller, gradients vanish on their way back.
func sizesTitle(runs []*bnlib.Run) string {
	names := layers(snapshots(runs)...)
	if len(names) == 0 {
		return topic("sizes of gradients: ", runs) + notProbed
	}
	first, last := names[0], names[len(names)-1]
	if first == last {
		return topic("sizes of gradients and updates", runs)
	}
	what := fmt.Sprintf("gradient of %s over that of %s: ", first, last)
	return topic(what, runs) + outcomes(runs, func(run *bnlib.Run) string {
		var items []string
		for _, s := range []probe.Snapshot{run.Snapshots()[0], run.Snapshots()[len(run.Snapshots())-1]} {
			one, oneOK := weightsOf(s, first)
			other, otherOK := weightsOf(s, last)
			if ratio := one.Gradient / other.Gradient; oneOK && otherOK && finite(ratio) {
				items = append(items, fmt.Sprintf("%s at step %d", plot.Short(ratio), s.Step))
			}
		}
		items = slices.Compact(items)
		if at := divergedAt(run); at > 0 {
			items = append(items, fmt.Sprintf("diverged at step %d", at))
		}
		if len(items) == 0 {
			return "not known"
		}
		return strings.Join(items, ", ")
	})
}
