package chart

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// Units draws how much of each hidden layer no longer learns, through training: the share of values at which the sigmoid, or
// tanh, is saturated, or the share of units whose ReLU is 0 on every image. A panel a layer. The runs need snapshots, which
// Options.Hooks takes.
func Units(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	names := layers(snapshots(runs)...)
	f := &plot.Figure{Subtitle: conditions(runs), Columns: min(3, len(names)), Height: 200}
	if len(names) > 1 {
		f.Width = plot.PageWidth
	}
	if len(names) == 0 {
		f.Title = topic("saturated and dead units: ", runs) + notProbed
		return unprobed(f, runs)
	}
	what, explained := idleKind(snapshots(runs))
	f.Title = unitsTitle(what, names, runs)
	explain(f, explained)
	looks, highest := appearances(runs), 0.
	for _, layer := range names {
		p := plot.Panel{Title: layer, X: stepAxis(runs), Y: plot.Axis{Label: what + " (share)"}, Empty: "neither sigmoid, tanh nor ReLU"}
		for i, run := range runs {
			s := plot.Series{Name: looks[i].name, Style: looks[i].style}
			s.X, s.Y = through(run, layer, idle)
			if len(s.X) > 0 {
				p.Series = append(p.Series, s)
				p.Marks = append(p.Marks, ends(run, s)...)
			}
		}
		if _, high := p.Extent(); finite(high) {
			highest = max(highest, high)
		} else {
			p.Series, p.Marks = nil, nil
		}
		f.Panels = append(f.Panels, p)
	}
	top := min(1, max(0.05, 1.05*highest))
	if highest > 0.5 {
		top = 1
	}
	for i := range f.Panels {
		f.Panels[i].Y.Min, f.Panels[i].Y.Max = 0, top
	}
	return f
}

// idle returns the share of saturated values or of dead units of a layer, whichever its activation has; NaN for neither, and where
// no pre-activation is finite.
func idle(g probe.Signal) float64 {
	switch {
	case !finite(g.Std):
		return math.NaN()
	case !math.IsNaN(g.Saturated):
		return g.Saturated
	}
	return g.Dead
}

// idleKind names what idle returns for the layers of networks, and explains it.
func idleKind(snapshots []probe.Snapshot) (name, explained string) {
	var saturated, dead bool
	images := 0
	for _, s := range snapshots {
		images = max(images, s.Images)
		for _, g := range s.Signals {
			saturated, dead = saturated || !math.IsNaN(g.Saturated), dead || !math.IsNaN(g.Dead)
		}
	}
	const slope = "saturated: slope of the activation below 0.01"
	zero := fmt.Sprintf("dead: 0 on all %d images", images)
	switch {
	case saturated && dead:
		return "saturated values or dead units", slope + "; " + zero
	case saturated:
		return "saturated values", slope
	case dead:
		return "dead units", zero
	}
	return "saturated values or dead units", ""
}

// unitsTitle names the layer with the largest share at the end: "Experiment 1, dead units after 6000 steps: with batch norm none;
// without it up to 9.4% (hidden_3)".
func unitsTitle(what string, names []string, runs []*bnlib.Run) string {
	last := 0
	for _, s := range snapshots(runs) {
		last = max(last, s.Step)
	}
	return topic(fmt.Sprintf("%s after %d steps: ", what, last), runs) + outcomes(runs, func(run *bnlib.Run) string {
		s := run.Snapshots()[len(run.Snapshots())-1]
		largest, where := math.NaN(), ""
		for _, layer := range names {
			g, ok := preActivation(s, layer)
			if share := idle(g); ok && finite(share) && !(share <= largest) {
				largest, where = share, layer
			}
		}
		text := fmt.Sprintf("up to %.3g%% (%s)", 100*largest, where)
		switch at := divergedAt(run); {
		case math.IsNaN(largest) && at > 0:
			return fmt.Sprintf("diverged at step %d", at)
		case math.IsNaN(largest):
			return "not known"
		case largest == 0:
			text = "none"
		case largest == 1:
			text = fmt.Sprintf("all (%s)", where)
		}
		if s.Step < last {
			text += fmt.Sprintf(" at step %d", s.Step)
		}
		return text
	})
}
