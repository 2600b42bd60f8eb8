package chart

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

const (
	bandLegend = "line: median; dark: 15th to 85th percentile; pale: 5th to 95th"
	pale       = "5th to 95th percentile"
	dark       = "15th to 85th percentile"
)

// Bands draws how the pre-activations of each hidden layer are distributed through training, as Ioffe and Szegedy (2015) do in
// their figure 1: a row a layer, a column a run; the median, within it the percentiles 15 to 85, which are the figure's, and
// 5 to 95. The runs need snapshots, which Options.Hooks takes.
func Bands(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	f := &plot.Figure{Title: bandsTitle(runs), Subtitle: conditions(runs), Columns: len(runs), Width: plot.PageWidth, Height: 140}
	explain(f, bandLegend+ofImages(snapshots(runs)))
	looks := appearances(runs)
	names := layers(snapshots(runs)...)
	if len(names) == 0 {
		return unprobed(f, runs)
	}
	for _, layer := range names {
		row := make([]plot.Panel, len(runs))
		for i, run := range runs {
			row[i] = plot.Panel{
				Title: layer + ", " + looks[i].name, X: stepAxis(runs), Y: plot.Axis{Label: "pre-activation"}, Empty: notProbed,
			}
			s := bandSeries(run, layer)
			s.Name, s.Style = looks[i].name, looks[i].style
			if len(s.X) == 0 {
				continue
			}
			row[i].Series, row[i].Marks = []plot.Series{s}, ends(run, s)
		}
		plot.ShareAxis(row)
		f.Panels = append(f.Panels, row...)
	}
	return f
}

// bandSeries is the median of the pre-activations of a layer with its bands, without a name.
func bandSeries(run *bnlib.Run, layer string) plot.Series {
	var s plot.Series
	s.X, s.Y = through(run, layer, percentile(2))
	s.Bands = []plot.Band{{Note: pale}, {Note: dark}}
	for k := range s.Bands {
		_, s.Bands[k].Low = through(run, layer, percentile(k))
		_, s.Bands[k].High = through(run, layer, percentile(4-k))
	}
	return s
}

// bandsTitle says what the middle 70% of the last hidden layer's pre-activations do: "Experiment 1, middle 70% of hidden_3's
// pre-activations: with batch norm stays within [-1, 1.2]; without it moves from [-0.077, 0.058] to [-0.6, 2.1]".
func bandsTitle(runs []*bnlib.Run) string {
	names := layers(snapshots(runs)...)
	if len(names) == 0 {
		return topic("pre-activations: ", runs) + notProbed
	}
	last := names[len(names)-1]
	return topic(fmt.Sprintf("middle 70%% of %s's pre-activations: ", last), runs) +
		outcomes(runs, func(run *bnlib.Run) string { return travel(run, last) })
}

// travel says where the band of the percentiles 15 to 85 of a layer is, or from where to where it goes.
func travel(run *bnlib.Run, layer string) string {
	_, low := through(run, layer, percentile(1))
	_, high := through(run, layer, percentile(3))
	bottom, top, first, last := math.Inf(1), math.Inf(-1), -1, -1
	for i := range low {
		if !finite(low[i]) || !finite(high[i]) {
			continue
		}
		bottom, top = min(bottom, low[i]), max(top, high[i])
		if first < 0 {
			first = i
		}
		last = i
	}
	at := divergedAt(run)
	switch {
	case first < 0 && at > 0:
		return fmt.Sprintf("diverged at step %d", at)
	case first < 0:
		return "not finite"
	case at > 0 && last < len(low)-1:
		return fmt.Sprintf("%s, then diverged at step %d", within(bottom, top), at)
	case top-bottom <= 1.25*(high[first]-low[first]):
		return "stays within " + within(bottom, top)
	}
	return fmt.Sprintf("moves from %s to %s", within(low[first], high[first]), within(low[last], high[last]))
}

func within(low, high float64) string { return "[" + plot.Short(low) + ", " + plot.Short(high) + "]" }
