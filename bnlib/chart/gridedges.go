package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// GridEdges draws where test accuracy crosses a level on the maps of a grid, see bnlib.Results.Edges: a panel for each point of the axes
// but the last two, axes as in GridMap, circles for the upper edge and crosses for the lower one, in the colours of the norms. What is
// expected may be added to the panels' series.
func GridEdges(results *bnlib.Results, level float64) *plot.Figure {
	if results == nil {
		results = &bnlib.Results{}
	}
	g := results.Grid
	f := &plot.Figure{Columns: 2, Height: 320, Fixed: true, Subtitle: "test accuracy" + overSeeds(g) + " · circles: the upper edge, crosses: the lower one"}
	if len(g.Axes) < 2 {
		f.Title = "A grid of fewer than two axes has no edges"
		return f
	}
	norms := normsOf(g)
	if all := g.Points() * len(norms) * max(1, g.Seeds); all == 0 || len(results.Runs) != all {
		f.Title = fmt.Sprintf("Edges need the runs of all networks of their grid, %d; there are %d", all, len(results.Runs))
		return f
	}
	x, y := g.Axes[len(g.Axes)-1], g.Axes[len(g.Axes)-2]
	found := 0
	for _, at := range outerPoints(g) {
		p := plot.Panel{Title: outerTitle(g, at), X: axisOf(x), Y: axisOf(y)}
		for k, norm := range norms {
			color := colorOf(norm, k)
			up, down := plot.Scatter{Name: norm.Name, Color: color}, plot.Scatter{Name: norm.Name, Color: color, Cross: true}
			for _, e := range results.Edges(level, k, at...) {
				for _, one := range []struct {
					of *plot.Scatter
					at float64
				}{{&up, e.High}, {&down, e.Low}} {
					if !math.IsNaN(one.at) {
						found++
						one.of.Add(e.At, one.at, fmt.Sprintf("%s: %s %.3g, %s %.3g", norm.Name, x.Name, e.At, y.Name, one.at))
					}
				}
			}
			p.Scatters = append(p.Scatters, up, down)
		}
		f.Panels = append(f.Panels, p)
	}
	f.Title = fmt.Sprintf("Where accuracy crosses %s: %d edges", bnlib.FormatAccuracy(level), found)
	return f
}

// Collapse draws the test accuracy of every network of some grids against a number that is made of its settings, such as rate/std²: if
// that is all that counts, the dots lie on one curve. There is a panel for each point of the axes but the last two; norms have their
// colours, and those whose curves are dashed have crosses. The title says how far networks of one number and one seed lie apart, and
// how far the seeds of a cell.
func Collapse(label string, number func(bnlib.Experiment) float64, grids ...*bnlib.Results) *plot.Figure {
	f := &plot.Figure{Columns: 2, Subtitle: "a dot is a network"}
	same, cell := map[string]map[string][]float64{}, map[string][]float64{} // accuracies: by norm, then number and seed; by cell
	var names []string
	for _, r := range grids {
		if r == nil {
			continue
		}
		outer := outerPoints(r.Grid)
		for i, run := range r.Runs {
			if len(bnlib.Sample{run}.Done()) == 0 {
				continue
			}
			n := run.Network
			title := outerTitle(r.Grid, outer[i*len(outer)/len(r.Runs)])
			p := panelOf(f, title)
			p.X, p.Y = plot.Axis{Label: label + " (log scale)", Log: true}, plot.Axis{Label: "test accuracy (share)", Max: 1}
			at := number(n.Experiment)
			dots := scatterOf(p, n.Norm)
			dots.Add(at, run.Test, fmt.Sprintf("%s, seed %d: %s", n.Name, n.Seed, bnlib.FormatAccuracy(run.Test)))
			if same[n.Norm.Name] == nil {
				same[n.Norm.Name], names = map[string][]float64{}, append(names, n.Norm.Name)
			}
			key := fmt.Sprintf("%s %.6g %d", title, at, n.Seed)
			same[n.Norm.Name][key] = append(same[n.Norm.Name][key], run.Test)
			key = n.Norm.Name + n.Name
			cell[key] = append(cell[key], run.Test)
		}
	}
	var said []string
	for _, name := range names {
		said = append(said, fmt.Sprintf("%s %s", bnlib.FormatAccuracy(width(same[name])), name))
	}
	if len(said) == 0 {
		f.Title = "Nothing is trained that could fall on one curve"
		return f
	}
	f.Title = fmt.Sprintf("Networks of one %s and seed lie within %s; seeds of a cell within %s (medians)",
		label, strings.Join(said, ", "), bnlib.FormatAccuracy(width(cell)))
	return f
}

// width is the median of how far the values of a group lie apart, over groups of two or more.
func width(groups map[string][]float64) float64 {
	var widths []float64
	for _, values := range groups {
		if len(values) > 1 {
			widths = append(widths, slices.Max(values)-slices.Min(values))
		}
	}
	return bnlib.NewSpread(widths...).Median
}

// panelOf returns the panel of a title, made if there is none.
func panelOf(f *plot.Figure, title string) *plot.Panel {
	i := slices.IndexFunc(f.Panels, func(p plot.Panel) bool { return p.Title == title })
	if i < 0 {
		f.Panels = append(f.Panels, plot.Panel{Title: title})
		i = len(f.Panels) - 1
	}
	return &f.Panels[i]
}

// scatterOf returns the dots of a norm in a panel, made if there are none.
func scatterOf(p *plot.Panel, norm bnlib.Norm) *plot.Scatter {
	i := slices.IndexFunc(p.Scatters, func(s plot.Scatter) bool { return s.Name == norm.Name })
	if i < 0 {
		p.Scatters = append(p.Scatters, plot.Scatter{Name: norm.Name, Color: colorOf(norm, len(p.Scatters)), Cross: norm.Dashed})
		i = len(p.Scatters) - 1
	}
	return &p.Scatters[i]
}

func colorOf(norm bnlib.Norm, index int) string {
	if norm.Color != "" {
		return norm.Color
	}
	return plot.Variant(index).Color
}

func normsOf(g bnlib.Grid) []bnlib.Norm {
	if g.Norms == nil {
		return bothNorms
	}
	return g.Norms
}

// outerPoints returns the indices of all points of the axes but the last two.
func outerPoints(g bnlib.Grid) [][]int {
	points := [][]int{{}}
	for _, a := range g.Axes[:max(0, len(g.Axes)-2)] {
		var longer [][]int
		for _, p := range points {
			for k := range a.Values {
				longer = append(longer, append(slices.Clone(p), k))
			}
		}
		points = longer
	}
	return points
}

// outerTitle writes these indices as the axes do.
func outerTitle(g bnlib.Grid, at []int) string {
	var labels []string
	for i, k := range at {
		labels = append(labels, g.Axes[i].Label(k))
	}
	return strings.Join(labels, ", ")
}
