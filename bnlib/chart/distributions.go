package chart

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

const (
	mostFrames = 21 // of Distributions: what a page stores grows with them
	axesHold   = "the axes are the same at every step and hold at least 99% of its values"
)

// Distributions lets a reader watch how the pre-activations of each hidden layer are distributed while networks train: a row a
// layer, a column a run; the slider is the training step, and the figure plays by itself where the reader wants it to. A curve is
// the share of the values in each of 40 equal bins; the thin one stays at the first look. The axes are the same at every step,
// which is what lets motion be seen. They are chosen as HistogramHeat chooses its own: at most 0.5% of a step's values lie
// beyond either end, and where values grow a thousandfold the axis is logarithmic on both sides of zero, with the bins drawn from
// the percentiles that a Signal holds.
//
// The runs need snapshots, which Options.Hooks takes. Of many, evenly picked ones are shown, 21 at most. The picture for readers
// without JavaScript shows the first, the middle and the last.
func Distributions(runs ...*bnlib.Run) *plot.Explorer {
	runs = present(runs)
	steps := frames(runs, math.MaxInt)
	names := layers(snapshots(runs)...)
	if len(names) == 0 {
		f := &plot.Figure{Title: bandsTitle(runs), Subtitle: conditions(runs)}
		return &plot.Explorer{States: []plot.State{{Figure: unprobed(f, runs)}}}
	}
	panels := distributions(runs, steps, names)
	slider, positions := stepSlider(steps)
	e := &plot.Explorer{Slider: slider, Play: true}
	for i, step := range steps {
		s := plot.State{Position: float64(positions[i]), Figure: newDistributions(runs)}
		s.Figure.Title = stepTitle(runs, names[len(names)-1], step)
		explain(s.Figure, fmt.Sprintf("thin: step %d · ", steps[0])+axesHold+ofImages(snapshots(runs)))
		for _, p := range panels {
			s.Figure.Panels = append(s.Figure.Panels, p.panel(step, steps[0]))
		}
		e.States = append(e.States, s)
	}
	e.Still = newDistributions(runs)
	e.Still.Title = fromToTitle(runs, names[len(names)-1], steps[0], steps[len(steps)-1])
	explain(e.Still, "the darker, the later · "+axesHold+ofImages(snapshots(runs)))
	for _, p := range panels {
		e.Still.Panels = append(e.Still.Panels, p.still(steps))
	}
	return e
}

// distributions returns the panels of some layers, a row for each and a column a run, with the looks at the given steps.
func distributions(runs []*bnlib.Run, steps []int, names []string) []distribution {
	looks := appearances(runs)
	var panels []distribution
	for _, layer := range names {
		row, heats := make([]distribution, len(runs)), make([]*heat, len(runs))
		for i, run := range runs {
			heats[i] = newHeat(looksAt(run, steps), layer)
			row[i] = distribution{heat: heats[i], run: run, look: looks[i]}
		}
		shareRange(heats)
		for i := range row {
			row[i].finish()
		}
		shareHeight(row)
		panels = append(panels, row...)
	}
	return panels
}

// stepSlider is the slider over some steps, and where on it each of them is: at its own number, or, where they are not equally far
// apart, one after the other.
func stepSlider(steps []int) (plot.Slider, []int) {
	slider, positions := plot.Slider{Label: "training step"}, steps
	if !even(steps) {
		slider.Label, positions = "look", make([]int, len(steps))
		for i := range positions {
			positions[i] = i + 1
		}
	}
	slider.Min, slider.Max = float64(positions[0]), float64(positions[len(positions)-1])
	slider.Step = (slider.Max - slider.Min) / float64(max(1, len(positions)-1))
	return slider, positions
}

func newDistributions(runs []*bnlib.Run) *plot.Figure {
	return &plot.Figure{Subtitle: conditions(runs), Columns: len(runs), Width: plot.PageWidth, Height: 100, Fixed: true}
}

// frames picks the steps to show of those at which runs were looked into, up to the given one, the first and the last among them:
// evenly, if the number of looks allows.
func frames(runs []*bnlib.Run, last int) []int {
	var steps []int
	for _, s := range snapshots(runs) {
		if s.Step <= last {
			steps = append(steps, s.Step)
		}
	}
	slices.Sort(steps)
	steps = slices.Compact(steps)
	all := len(steps) - 1
	if all < 1 {
		return steps
	}
	most := min(all, mostFrames-1)
	n := most
	for n > most/2 && all%n != 0 {
		n--
	}
	if all%n != 0 {
		n = most
	}
	out := make([]int, n+1)
	for i := range out {
		out[i] = steps[i*all/n]
	}
	return out
}

// even reports whether steps are equally far apart.
func even(steps []int) bool {
	for i := range steps {
		if i > 0 && steps[i]-steps[i-1] != steps[1]-steps[0] {
			return false
		}
	}
	return true
}

// looksAt returns the snapshots of a run at the given steps.
func looksAt(run *bnlib.Run, steps []int) []probe.Snapshot {
	return slices.DeleteFunc(slices.Clone(run.Snapshots()), func(s probe.Snapshot) bool { return !slices.Contains(steps, s.Step) })
}

// stepTitle says where the percentiles 15 to 85 of a layer are at a step: "Experiment 2, middle 70% of hidden_3's
// pre-activations at step 2500: with batch norm [-1.2, 1.2]; without it [-0.31, 0.24]".
func stepTitle(runs []*bnlib.Run, layer string, step int) string {
	return topic(fmt.Sprintf("middle 70%% of %s's pre-activations at step %d: ", layer, step), runs) +
		outcomes(runs, func(run *bnlib.Run) string { return middle(run, layer, step) })
}

// fromToTitle says where they are at two steps.
func fromToTitle(runs []*bnlib.Run, layer string, from, to int) string {
	return topic(fmt.Sprintf("middle 70%% of %s's pre-activations at steps %d and %d: ", layer, from, to), runs) +
		outcomes(runs, func(run *bnlib.Run) string {
			return "from " + middle(run, layer, from) + " to " + middle(run, layer, to)
		})
}

func middle(run *bnlib.Run, layer string, step int) string {
	for _, s := range looksAt(run, []int{step}) {
		if g, ok := preActivation(s, layer); ok && finite(g.Percentiles[1]) && finite(g.Percentiles[3]) {
			return within(g.Percentiles[1], g.Percentiles[3])
		}
	}
	if at := divergedAt(run); at > 0 && at <= step {
		return fmt.Sprintf("diverged (step %d)", at)
	}
	return notFinite
}

// distribution is one panel of Distributions.
type distribution struct {
	*heat
	run     *bnlib.Run
	look    appearance
	x       []float64         // the middles of the bins
	at      map[int][]float64 // by step, the share of its values in each bin, in %
	highest float64           // of the axis
}

// finish computes the bins, with no more digits than a reader sees.
func (d *distribution) finish() {
	d.highest = 100 * d.rebin()
	for k := range heatRows {
		x := d.low + (d.high-d.low)*(float64(k)+0.5)/heatRows
		d.x = append(d.x, rounded(x, (d.high-d.low)/400))
	}
	d.at = map[int][]float64{}
	for i, step := range d.steps {
		for k, share := range d.columns[i] {
			d.columns[i][k] = rounded(100*share, 0.01)
		}
		d.at[step] = d.columns[i]
	}
}

// rounded rounds x to a multiple of the power of ten at or below unit: fewer digits for a page to store.
func rounded(x, unit float64) float64 {
	if !finite(x) || !(unit > 0) {
		return x
	}
	n := math.Pow(10, -math.Floor(math.Log10(unit)+1e-9))
	return math.Round(x*n) / n
}

// shareHeight gives the panels of a layer one y axis, unless that leaves one of them less than an eighth of it.
func shareHeight(row []distribution) {
	least, most := math.Inf(1), 0.
	for _, d := range row {
		if d.highest > 0 {
			least, most = min(least, d.highest), max(most, d.highest)
		}
	}
	for i := range row {
		if least >= most/8 {
			row[i].highest = most
		}
	}
}

// axes returns the panel without curves.
func (d *distribution) axes() plot.Panel {
	what := "pre-activation"
	if d.kind == probe.LinearOutput && len(d.signals) > 0 {
		what = "linear output"
	}
	p := plot.Panel{
		Title: d.layer + ", " + d.look.name,
		X:     plot.Axis{Label: what, Min: d.low, Max: d.high},
		Y:     plot.Axis{Label: "% of the values in a bin", Max: 1.05 * d.highest},
		Empty: notFinite,
	}
	switch {
	case len(d.run.Snapshots()) == 0:
		p.Empty = notProbed
	case len(d.steps) == 0:
		p.Empty = "no such layer"
	}
	if !finite(d.low) {
		p.X.Min, p.X.Max = 0, 1
	}
	if d.bent > 0 {
		p.X.Names = d.names()
		p.X.Label += " (log on both sides of 0)"
	}
	return p
}

// panel draws a step, and as a thin curve the first.
func (d *distribution) panel(step, first int) plot.Panel {
	p := d.axes()
	for _, s := range []plot.Series{
		{Y: d.at[first], Faint: true, Note: fmt.Sprintf("step %d", first)},
		{Y: d.at[step]},
	} {
		s.Name, s.Style, s.X = d.look.name, d.look.style, d.x
		if s.Y == nil {
			s.Y = slices.Repeat([]float64{math.NaN()}, len(s.X))
		}
		p.Series = append(p.Series, s)
	}
	return p
}

// still draws the first, the middle and the last of the steps.
func (d *distribution) still(steps []int) plot.Panel {
	p := d.axes()
	three := slices.Compact([]int{steps[0], steps[len(steps)/2], steps[len(steps)-1]})
	for i, step := range three {
		p.Series = append(p.Series, plot.Series{
			Name: fmt.Sprintf("%s, step %d", d.look.name, step), Style: d.look.style.Shade(i, len(three)), X: d.x, Y: d.at[step],
		})
	}
	return p
}
