package chart

import (
	"fmt"
	"slices"
	"strconv"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// NormMap draws a grid of one axis, norm by norm: a row for each norm, the first on top, a column for each value of the axis. A cell's
// colour is the median test accuracy of the seeds that are done, grey if there are none. In it is a dot for each seed, by its accuracy from 0
// at the cell's left edge to 1 at its right; a × is a network that diverged.
func NormMap(results *bnlib.Results) *plot.Figure {
	if results == nil {
		results = &bnlib.Results{}
	}
	g := results.Grid
	norms := g.Norms
	if norms == nil {
		norms = bothNorms
	}
	f := &plot.Figure{Width: plot.PageWidth, Height: max(80, 22*len(norms))}
	if len(g.Axes) != 1 {
		f.Title = fmt.Sprintf("A map of norms needs a grid of one axis; this one has %d", len(g.Axes))
		return f
	}
	if all := g.Points() * len(norms) * max(1, g.Seeds); all == 0 || len(results.Runs) != all {
		f.Title = fmt.Sprintf("A map needs the runs of all networks of its grid, %d; there are %d", all, len(results.Runs))
		return f
	}
	axis := g.Axes[0]
	p := plot.Panel{X: plot.Axis{Label: axis.Name, Min: -0.5, Max: float64(len(axis.Values)) - 0.5},
		Y: plot.Axis{Label: "norm", Min: 0.5 - float64(len(norms)), Max: 0.5}}
	cells := plot.Cells{Name: "median test accuracy", Colors: plot.ColorScale{Stops: []string{"#ffffff", "#bfe3d3", "#7cc4a4"}, Min: 0, Max: 1}}
	scatters := []plot.Scatter{{Name: "a network of another norm", Color: plot.Ink}, {Name: bnlib.None.Name, Color: bnlib.None.Color},
		{Name: bnlib.Batch.Name, Color: bnlib.Batch.Color}, {Name: "diverged", Color: plot.Ink, Cross: true}}
	columns := make([]int, len(norms)) // in which a norm has learned
	for i, value := range axis.Values {
		name := strconv.FormatFloat(value, 'g', 4, 64)
		if axis.Labels != nil {
			name = axis.Labels[i]
		}
		p.X.Names = append(p.X.Names, plot.Name{At: float64(i), Text: name})
		column := make([]float64, len(norms)) // from below
		for k, norm := range norms {
			sample := results.Sample(k, i).Done()
			median := sample.Test().Median
			column[len(norms)-1-k] = median
			if median >= learned {
				columns[k]++
			}
			for _, run := range sample {
				to := &scatters[0]
				switch {
				case divergedAt(run) > 0:
					to = &scatters[3]
				case norm.Equal(bnlib.None):
					to = &scatters[1]
				case norm.Equal(bnlib.Batch):
					to = &scatters[2]
				}
				to.Add(float64(i)-0.5+run.Test, -float64(k), fmt.Sprintf("%s, %s: %s with seed %d, %s",
					norm.Name, axis.Label(i), bnlib.FormatAccuracy(run.Test), run.Network.Seed, status(run)))
			}
		}
		cells.Values = append(cells.Values, column)
		cells.X = append(cells.X, float64(i)-0.5)
	}
	cells.X = append(cells.X, float64(len(axis.Values))-0.5)
	for k := range len(norms) + 1 {
		cells.Y = append(cells.Y, p.Y.Min+float64(k))
	}
	for k, norm := range norms {
		p.Y.Names = append(p.Y.Names, plot.Name{At: -float64(k), Text: norm.Name})
		cells.RowNames = append([]string{norm.Name}, cells.RowNames...)
	}
	p.Cells = []plot.Cells{cells}
	p.Scatters = slices.DeleteFunc(scatters, func(s plot.Scatter) bool { return len(s.X) == 0 })
	f.Panels = []plot.Panel{p}
	f.Title = fmt.Sprintf("Test accuracy of %v or more in how many of %d columns", learned, len(axis.Values))
	separator := ": "
	for k, norm := range norms {
		if len(norms) < 4 || norm.Equal(bnlib.None) || norm.Equal(bnlib.Batch) || columns[k] == slices.Max(columns) {
			f.Title += fmt.Sprintf("%s%s %d", separator, norm.Name, columns[k])
			separator = "; "
		}
	}
	f.Subtitle = "colour: test accuracy" + overSeeds(g) + "; a dot a network, from 0 at the left edge of its cell to 1 at the right"
	return f
}
