package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// GridMap draws test accuracy over a grid, a panel for each norm: the last axis of the grid from left to right, the one before it
// upwards. A grid of more axes has panels for each of the others' points as well. A cell's colour is the median over the seeds
// that are done; grey cells have none yet. Who points at a cell reads the lowest and the highest of them, too. Grid.Marks are discs
// with their names, but for the word experiment.
func GridMap(results *bnlib.Results) *plot.Figure {
	if results == nil {
		results = &bnlib.Results{}
	}
	g := results.Grid
	f := &plot.Figure{Subtitle: "colour: accuracy on the test images" + overSeeds(g), Columns: 2}
	if len(g.Axes) == 0 {
		f.Title = "A grid without axes has no map"
		return f
	}
	norms := normsOf(g)
	if all := g.Points() * len(norms) * max(1, g.Seeds); all == 0 || len(results.Runs) != all {
		f.Title = fmt.Sprintf("A map needs the runs of all networks of its grid, %d; there are %d", all, len(results.Runs))
		return f
	}
	x := g.Axes[len(g.Axes)-1]
	y := bnlib.Axis{Name: "all", Values: []float64{1}}
	if len(g.Axes) > 1 {
		y = g.Axes[len(g.Axes)-2]
	}
	works, known := make([]int, len(norms)), make([]int, len(norms))
	for _, outer := range outerPoints(g) {
		at := append(outer, make([]int, len(g.Axes)-len(outer))...)
		label := outerTitle(g, outer)
		if label != "" {
			label = ", " + label
		}
		for k, norm := range norms {
			cells := plot.Cells{X: edges(x.Values), Y: edges(y.Values), Name: "test accuracy", NoteName: "lowest to highest",
				ColumnNames: valueNames(x), RowNames: valueNames(y), Colors: plot.ColorScale{Stops: accuracyStops, Min: 0, Max: 1}}
			for i := range x.Values {
				column, notes := make([]float64, len(y.Values)), make([]string, len(y.Values))
				for j := range y.Values {
					at[len(at)-1] = i
					if len(at) > 1 {
						at[len(at)-2] = j
					}
					done := results.Sample(k, at...).Done()
					test := done.Test()
					column[j], notes[j] = test.Median, spread(test, len(done))
					if !math.IsNaN(column[j]) {
						known[k]++
						if column[j] >= learned {
							works[k]++
						}
					}
				}
				cells.Values, cells.Notes = append(cells.Values, column), append(cells.Notes, notes)
			}
			f.Panels = append(f.Panels, plot.Panel{
				Title: norm.Name + label,
				X:     axisOf(x), Y: axisOf(y),
				Cells:  []plot.Cells{cells},
				Labels: marksOf(g, at),
			})
		}
	}
	if len(y.Values) > 10 {
		f.Height = 320 // so that a disc is no larger than a cell, and every decade has its number
	}
	f.Title = "Test accuracy of " + fmt.Sprint(learned) + " or more"
	for k, norm := range norms {
		separator := "; "
		if k == 0 {
			separator = ": "
		}
		f.Title += fmt.Sprintf("%s%s in %d of %d cells", separator, norm.Name, works[k], known[k])
	}
	return f
}

// learned is the accuracy from which on a network has learned its task, the article's own mark.
const learned = 0.9

// accuracyStops go from dark, nothing learned, to bright, all right; lightness alone tells them apart.
var accuracyStops = []string{"#2a1a4a", "#5b3a86", "#9c5a8f", "#dd8a6c", "#f6c85f", "#fdf3c0"}

func overSeeds(g bnlib.Grid) string {
	if g.Seeds < 2 {
		return ""
	}
	return fmt.Sprintf(", median of %d seeds", g.Seeds)
}

// spread writes the lowest and the highest accuracy of so many seeds.
func spread(s bnlib.Spread, seeds int) string {
	switch seeds {
	case 0:
		return "no seed done"
	case 1:
		return "1 seed"
	}
	return fmt.Sprintf("%s to %s of %d seeds", bnlib.FormatAccuracy(s.Min), bnlib.FormatAccuracy(s.Max), seeds)
}

// valueNames writes an axis' values, or their labels.
func valueNames(a bnlib.Axis) []string {
	if a.Labels != nil {
		return a.Labels
	}
	names := make([]string, len(a.Values))
	for i, v := range a.Values {
		names[i] = strconv.FormatFloat(v, 'g', 3, 64)
	}
	return names
}

// marksOf returns the marks of the panel of a point: those that have its activation, and its values on all axes but the last two.
func marksOf(g bnlib.Grid, at []int) []plot.Label {
	place := func(e bnlib.Experiment, axis int) float64 {
		switch {
		case axis < 0:
			return 1 // the one row of a map with one axis
		case g.Axes[axis].Of == nil:
			return math.NaN()
		}
		return g.Axes[axis].Of(e)
	}
	last, point := len(g.Axes)-1, 0
	for i, k := range at {
		point = point*len(g.Axes[i].Values) + k
	}
	panel := g.Experiment(point)
	var labels []plot.Label
	for _, e := range g.Marks {
		here := e.Activation == panel.Activation
		for i := range max(0, last-1) {
			here = here && place(e, i) == g.Axes[i].Values[at[i]]
		}
		if here {
			name := strings.TrimPrefix(e.Name, "Experiment ")
			labels = append(labels, plot.Label{X: place(e, last), Y: place(e, last-1), Text: name, Detail: experimentTitle(e)})
		}
	}
	return labels
}

// logSpaced reports whether values rise by factors rather than by steps.
func logSpaced(values []float64) bool {
	n := len(values)
	return n > 2 && values[0] > 0 && values[n-1]/values[0] >= 10 && values[n-1]-values[n-2] > 1.5*(values[1]-values[0])
}

// edges returns the borders between cells whose middles are values, which rise.
func edges(values []float64) []float64 {
	log := logSpaced(values)
	at := func(v float64) float64 {
		if log {
			return math.Log(v)
		}
		return v
	}
	back := func(v float64) float64 {
		if log {
			return math.Exp(v)
		}
		return v
	}
	n := len(values)
	half := 0.5
	if n > 1 {
		half = (at(values[1]) - at(values[0])) / 2
	}
	borders := []float64{back(at(values[0]) - half)}
	for i := range values {
		if i+1 < n {
			half = (at(values[i+1]) - at(values[i])) / 2
		}
		borders = append(borders, back(at(values[i])+half))
	}
	return borders
}

func axisOf(a bnlib.Axis) plot.Axis {
	axis := plot.Axis{Label: a.Name}
	if logSpaced(a.Values) {
		axis.Label, axis.Log = a.Name+" (log scale)", true
	}
	e := edges(a.Values)
	axis.Min, axis.Max = slices.Min(e), slices.Max(e)
	if a.Labels != nil {
		for i, v := range a.Values {
			axis.Names = append(axis.Names, plot.Name{At: v, Text: a.Labels[i]})
		}
	}
	return axis
}
