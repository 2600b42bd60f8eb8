package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"batchnorm/bnlib"
)

// What the figures of the inside of networks share: see Bands, Units, Sizes and SignalProfile.

const notProbed = "no snapshots: train with Options.Probe"

// layers returns the paths of the hidden layers that the snapshots show, in the order in which networks compute them.
func layers(snapshots ...bnlib.Snapshot) []string {
	var names []string
	for _, s := range snapshots {
		for _, g := range s.Signals {
			if !slices.Contains(names, g.Layer) {
				names = append(names, g.Layer)
			}
		}
	}
	return names
}

func snapshots(runs []*bnlib.Run) []bnlib.Snapshot {
	var all []bnlib.Snapshot
	for _, run := range runs {
		all = append(all, run.Snapshots...)
	}
	return all
}

// preActivation returns what the activation of a layer is given: its pre-activation, or, of a layer whose activation the probe
// does not recognize, its product.
func preActivation(s bnlib.Snapshot, layer string) (g bnlib.Signal, ok bool) {
	for _, each := range s.Signals {
		if each.Layer == layer && (!ok || each.Kind == bnlib.PreActivation) {
			g, ok = each, true
		}
	}
	return g, ok
}

// through returns the curve of value(signal of the layer) against the step of each snapshot that has that layer.
func through(run *bnlib.Run, layer string, value func(bnlib.Signal) float64) (x, y []float64) {
	for _, s := range run.Snapshots {
		if g, ok := preActivation(s, layer); ok {
			x, y = append(x, float64(s.Step)), append(y, value(g))
		}
	}
	return x, y
}

func percentile(i int) func(bnlib.Signal) float64 {
	return func(g bnlib.Signal) float64 { return g.Percentiles[i] }
}

// ends marks where a curve of values taken at snapshots ends although the training went on, because nothing is finite any more.
func ends(run *bnlib.Run, s Series) []Mark {
	i := len(s.Y)
	for i > 0 && !finite(s.Y[i-1]) {
		i--
	}
	if i == len(s.Y) || divergedAt(run) == 0 {
		return nil
	}
	m := Mark{X: s.X[i], Y: math.NaN(), Color: s.Style.Color}
	if i > 0 {
		m.Y = s.Y[i-1]
	}
	at := divergedAt(run)
	if x := float64(at); x < m.X && (i == 0 || x >= s.X[i-1]) {
		m.X = x
	}
	m.Text = fmt.Sprintf("diverged at step %d", at)
	m.Detail = s.Name + ": " + m.Text
	return []Mark{m}
}

// explain adds a few words to the conditions under the title.
func (f *Figure) explain(words string) {
	if f.Subtitle != "" && words != "" {
		f.Subtitle += " · "
	}
	f.Subtitle += words
}

// ofImages says on how many images snapshots were taken.
func ofImages(snapshots []bnlib.Snapshot) string {
	if len(snapshots) == 0 || snapshots[0].Images == 0 {
		return ""
	}
	for _, s := range snapshots {
		if s.Images != snapshots[0].Images {
			return ""
		}
	}
	return fmt.Sprintf(" · %d validation images", snapshots[0].Images)
}

// unprobed makes of f a figure that says that there is nothing to see.
func (f *Figure) unprobed(runs []*bnlib.Run) *Figure {
	f.Columns, f.Width, f.Panels = 1, 0, []Panel{{X: stepAxis(runs), Empty: notProbed}}
	return f
}

// shareAxis gives the panels of a row one y axis, unless some of them would be illegible on it; then their labels say so.
func shareAxis(row []Panel) {
	low, high, narrowest := math.Inf(1), math.Inf(-1), math.Inf(1)
	for _, p := range row {
		bottom, top := p.extent()
		if bottom <= top {
			low, high, narrowest = min(low, bottom), max(high, top), min(narrowest, top-bottom)
		}
	}
	if low > high || len(row) < 2 {
		return
	}
	const legible = 1. / 8 // of the height
	for i := range row {
		y := &row[i].Y
		switch {
		case y.Log:
			factor := max(1.1, math.Pow(high/low, 0.05))
			y.Min, y.Max = low/factor, high*factor
		case narrowest < legible*(high-low):
			y.Label += " (axes of this row differ)"
		case low < high:
			margin := 0.05 * (high - low)
			y.Min, y.Max = low-margin, high+margin
		}
	}
}

// extent returns the lowest and the highest value that p draws; on a log axis, of those above 0.
func (p *Panel) extent() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	see := func(values []float64) {
		for _, v := range values {
			if finite(v) && !(p.Y.Log && v < 1/huge) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	for _, s := range p.Series {
		see(s.Y)
		for _, b := range s.Bands {
			see(b.Low)
			see(b.High)
		}
	}
	return low, high
}

// topic begins a title: "Experiment 4, saturated values", or, of several experiments, "Saturated values".
func topic(what string, runs []*bnlib.Run) string {
	if len(runs) > 0 && oneExperiment(runs) && runs[0].Network.Name != "" {
		return runs[0].Network.Name + ", " + what
	}
	return strings.ToUpper(what[:1]) + what[1:]
}

// outcomes ends a title with what became of each run, as eachOutcome does, if it has been looked into.
func outcomes(runs []*bnlib.Run, what func(*bnlib.Run) string) string {
	return eachOutcome(runs, func(run *bnlib.Run) string {
		if len(run.Snapshots) == 0 {
			return "not looked into"
		}
		return what(run)
	})
}

// eachOutcome says something of each run, those with batch normalization first: "with batch norm …; without it …".
func eachOutcome(runs []*bnlib.Run, what func(*bnlib.Run) string) string {
	looks := appearances(runs)
	var with, others []string
	for i, run := range runs {
		name := looks[i].name
		if name == "without batch norm" && len(runs) > 1 {
			name = "without it"
		}
		item := name + " " + what(run)
		if looks[i].name == "with batch norm" {
			with = append(with, item)
		} else {
			others = append(others, item)
		}
	}
	return strings.Join(firstFew(append(with, others...)), "; ")
}

// shade returns the style of the i-th of n layers: from pale, near the images, to dark.
func (s Style) shade(i, n int) Style {
	if n < 2 {
		return s
	}
	clr := rgb(s.Color)
	t := float64(i)/float64(n-1)*2 - 1 // from -1, pale, to 1, dark
	mix := func(c uint8) uint8 {
		if t < 0 {
			return uint8(float64(c) - t*0.55*(255-float64(c)))
		}
		return uint8(float64(c) * (1 - 0.5*t))
	}
	s.Color = fmt.Sprintf("#%02x%02x%02x", mix(clr.R), mix(clr.G), mix(clr.B))
	return s
}
