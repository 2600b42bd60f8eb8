package chart

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// Growth lets a reader watch two networks grow. The first row of panels is validation accuracy, training loss and learning rate;
// below it stands a row for each hidden layer: the distributions of its pre-activations in both networks, as Distributions draws them,
// and how their standard deviations went. The slider is the training step, and the figure plays by itself where the reader
// wants it to: curves grow and distributions move. The rate is that of the step, Experiment.LearningRate times Experiment.Schedule,
// so that a rate which somebody changed while the networks trained is seen where it changed.
//
// The runs need snapshots, which Options.Hooks takes. Of many, evenly picked ones are shown, 21 at most. The picture for readers without
// JavaScript shows the last. Of one run there are no more columns than it needs; of more than two the first two are drawn.
func Growth(runs ...*bnlib.Run) *plot.Explorer {
	g := newGrowth(runs, func(steps []int) []int { return steps })
	if len(g.layers) == 0 {
		return &plot.Explorer{States: []plot.State{{Figure: g.unprobed()}}}
	}
	slider, positions := stepSlider(g.steps)
	e := &plot.Explorer{Slider: slider, Play: true, Start: len(g.steps) - 1}
	for i, step := range g.steps {
		e.States = append(e.States, plot.State{Position: float64(positions[i]), Figure: g.at(step)})
	}
	shareLogAxes(e)
	return e
}

// GrowthNow draws the last of what Growth shows, of networks that train: it costs the same however long they have trained.
func GrowthNow(runs ...*bnlib.Run) *plot.Figure {
	g := newGrowth(runs, func(steps []int) []int {
		if len(steps) < 2 {
			return steps
		}
		return []int{steps[0], steps[len(steps)-1]}
	})
	if len(g.layers) == 0 {
		return g.unprobed()
	}
	return g.at(g.steps[len(g.steps)-1])
}

// growth is what Growth shows.
type growth struct {
	runs   []*bnlib.Run
	steps  []int // at which both networks were looked into, those that are shown
	layers []string
	looks  []appearance
	panels []distribution // of the layers, a row for each
	last   int            // step

	snapshots [][]probe.Snapshot // of each run
}

func newGrowth(runs []*bnlib.Run, pick func(steps []int) []int) *growth {
	runs = present(runs)
	runs = runs[:min(2, len(runs))]
	g := &growth{runs: runs, looks: appearances(runs)}
	last := math.MaxInt // of two networks that train side by side one is ahead
	for _, run := range runs {
		all := run.Snapshots()
		g.snapshots = append(g.snapshots, all)
		if len(all) > 0 {
			last = min(last, all[len(all)-1].Step)
		}
	}
	g.layers = layers(slices.Concat(g.snapshots...)...)
	g.steps = pick(frames(runs, last))
	if len(g.steps) == 0 {
		g.layers = nil
		return g
	}
	g.panels = distributions(g.runs, g.steps, g.layers)
	g.last = g.steps[len(g.steps)-1]
	return g
}

func (g *growth) unprobed() *plot.Figure {
	return unprobed(&plot.Figure{Title: topic("networks as they grow", g.runs), Subtitle: conditions(g.runs)}, g.runs)
}

// at draws the networks as they were at a step.
func (g *growth) at(step int) *plot.Figure {
	f := &plot.Figure{Subtitle: conditions(withoutRate(g.runs)), Columns: len(g.runs) + 1, Width: plot.PageWidth, Height: 84, Fixed: true}
	f.Title = topic(fmt.Sprintf("step %d, learning rate %v, validation accuracy ", step, rateAt(g.runs[0], step)), g.runs) +
		eachOutcome(g.runs, func(run *bnlib.Run) string { return accuracyAt(run, step) })
	explain(f, fmt.Sprintf("thin: step %d", g.steps[0])+ofImages(slices.Concat(g.snapshots...)))
	x := plot.Axis{Label: stepLabel, Max: float64(max(1, g.last))}
	top := []plot.Panel{
		{Title: "validation accuracy", X: x, Y: plot.Axis{Label: "share", Max: 1}, Empty: notEvaluated},
		{Title: "training loss", X: x, Y: plot.Axis{Label: "nats (log)", Log: true}, Empty: notFinite},
		{Title: "learning rate", X: x, Y: plot.Axis{Label: "rate (log)", Log: true}, Empty: "0"},
	}
	for i, look := range g.looks {
		run := until(g.runs[i], step)
		accuracy := plot.Series{Name: look.name, Style: look.style}
		for _, p := range run.Points {
			y := p.Accuracy
			if !finite(p.Loss) {
				y = math.NaN()
			}
			accuracy.X, accuracy.Y = append(accuracy.X, float64(p.Step)), append(accuracy.Y, y)
		}
		loss := plot.Series{Name: look.name, Style: look.style}
		loss.X, loss.Y = smooth(run.Losses, max(1, g.last/50))
		for k, y := range loss.Y {
			loss.Y[k] = rounded(y, y/1000)
		}
		top[0].Series, top[1].Series = append(top[0].Series, accuracy), append(top[1].Series, loss)
	}
	rate := plot.Series{Name: "learning rate", Style: plot.Style{Color: plot.Ink}}
	rate.X, rate.Y = rates(g.runs[0], step)
	top[2].Series = []plot.Series{rate}
	if len(g.runs) == 1 {
		top = slices.Delete(top, 1, 2)
	}
	f.Panels = top
	for l, layer := range g.layers {
		spread := plot.Panel{Title: layer + ", spread", X: x, Y: plot.Axis{Label: "std (log)", Log: true}, Empty: notFinite}
		for i, look := range g.looks {
			d := &g.panels[l*len(g.runs)+i]
			p := d.panel(step, g.steps[0])
			p.Title, p.X.Label, p.Y.Label = fmt.Sprintf("%s, %s", layer, look.name), "pre-activation", "% in a bin"
			f.Panels = append(f.Panels, p)
			s := plot.Series{Name: look.name, Style: look.style}
			for _, snapshot := range g.snapshots[i] {
				if signal, ok := preActivation(snapshot, layer); ok && snapshot.Step <= step {
					s.X, s.Y = append(s.X, float64(snapshot.Step)), append(s.Y, rounded(signal.Std, signal.Std/1000))
				}
			}
			spread.Series = append(spread.Series, s)
		}
		f.Panels = append(f.Panels, spread)
	}
	return f
}

// until returns the losses and evaluations of a run up to a step.
func until(run *bnlib.Run, step int) *bnlib.Run {
	short := *run
	short.Losses = run.Losses[:min(step, len(run.Losses))]
	after := slices.IndexFunc(run.Points, func(p bnlib.Point) bool { return p.Step > step })
	if after >= 0 {
		short.Points = run.Points[:after]
	}
	return &short
}

// accuracyAt is the validation accuracy of a run after a step, as titles write it.
func accuracyAt(run *bnlib.Run, step int) string {
	run = until(run, step)
	switch e := run.Last(); {
	case len(run.Points) == 0:
		return notEvaluated
	case finite(e.Loss):
		return accuracyOf(e)
	case divergedAt(run) > 0:
		return fmt.Sprintf("diverged (step %d)", divergedAt(run))
	}
	return notFinite
}

// rateAt is the learning rate at which a run makes the step that follows the given number of steps, rounded to what a reader set.
func rateAt(run *bnlib.Run, step int) float64 {
	e := run.Network.Experiment
	rate := e.LearningRate
	if e.Schedule != nil {
		rate *= e.Schedule(max(0, min(step, e.Steps-1)))
	}
	return rounded(rate, rate/1000)
}

// withoutRate returns runs whose learning rate a subtitle does not mention: a panel shows it.
func withoutRate(runs []*bnlib.Run) (without []*bnlib.Run) {
	for _, run := range runs {
		short := *run
		short.Network.LearningRate = 0
		without = append(without, &short)
	}
	return without
}

// rates returns the learning rate up to a step: its corners, and the end.
func rates(run *bnlib.Run, step int) (x, y []float64) {
	corner := func(at int, rate float64) { x, y = append(x, float64(at)), append(y, rate) }
	rate := rateAt(run, 0)
	corner(0, rate)
	for at := range step {
		if now := rateAt(run, at); now != rate {
			corner(at, rate)
			corner(at, now)
			rate = now
		}
	}
	corner(step, rate)
	return x, y
}
