// Package chart draws what training left behind: Runs in, figures and tables out. It decides what there is to see and how a
// network looks; package plot renders it.
//
// Accuracy, Error, Loss, CloseUp and Training describe how training went, Multiples, SeedBands and SeedErrors that of several
// experiments and seeds; Bands, Distributions, Growth, Sizes, Units and SignalProfile what a probe saw inside the networks, and so do
// HistogramHeat and FirstLayer in colours; FirstSteps and Failures show how networks fail. Dots, and the tables Study and Verdicts,
// compare the article's experiments over seeds with the article.
//
// No function returns an error or panics: of runs that are nil, unfinished, or without what a figure needs, it draws what there is, and
// where that is nothing it says so in the figure.
package chart

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

const (
	accuracyLabel = "validation accuracy (share of validation images)"
	errorLabel    = "validation error (share of validation images, log scale)"
	lossLabel     = "cross-entropy (nats, log scale)"
	stepLabel     = "training step"

	notEvaluated = "not evaluated yet"
)

// Accuracy draws validation accuracy against training step.
func Accuracy(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	return &plot.Figure{
		Title:    headline("validation accuracy", accuracyOf, runs),
		Subtitle: conditions(runs),
		Panels:   []plot.Panel{accuracyPanel(runs, true)},
	}
}

// Error draws 1 - validation accuracy on a log axis, where networks that are almost always right can be told apart.
func Error(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	p := plot.Panel{X: stepAxis(runs), Y: plot.Axis{Label: errorLabel, Log: true}, Empty: notEvaluated}
	addCurves(&p, runs, func(e bnlib.Point) float64 { return 1 - e.Accuracy }, true)
	return &plot.Figure{
		Title:    headline("validation error", func(e bnlib.Point) string { return percent(1 - e.Accuracy) }, runs),
		Subtitle: conditions(runs),
		Panels:   []plot.Panel{p},
	}
}

// Loss draws the cross-entropy on the validation images on a log axis and, thin and pale in the same colour, that of the
// training minibatches: each point is the mean over the steps since the last evaluation, of which there are
// Experiment.Every.
func Loss(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	return &plot.Figure{
		Title:    headline("validation loss", lossOf, runs),
		Subtitle: conditions(runs),
		Panels:   []plot.Panel{lossPanel(runs)},
	}
}

// CloseUp draws validation accuracy over the first steps of training.
func CloseUp(steps int, runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	first := make([]*bnlib.Run, len(runs))
	for i, run := range runs {
		short := *run
		short.Points = nil
		for _, e := range run.Points {
			if e.Step <= steps {
				short.Points = append(short.Points, e)
			}
		}
		if short.DivergedAt > steps {
			short.DivergedAt = 0
		}
		if short.Network.Steps == 0 || short.Network.Steps > steps {
			short.Network.Steps = steps
		}
		first[i] = &short
	}
	return Accuracy(first...)
}

// Training draws accuracy and loss side by side: what one watches while networks train, and keeps when they have. Runs
// that have just begun, without any evaluation, are drawn too.
func Training(runs ...*bnlib.Run) *plot.Figure {
	runs = present(runs)
	return &plot.Figure{
		Title:    headline("validation accuracy", accuracyOf, runs),
		Subtitle: conditions(runs),
		Panels:   []plot.Panel{accuracyPanel(runs, false), lossPanel(runs)},
	}
}

// accuracyPanel says beside each × what the accuracies of a diverged network mean, if there is room to.
func accuracyPanel(runs []*bnlib.Run, room bool) plot.Panel {
	p := plot.Panel{X: stepAxis(runs), Y: plot.Axis{Label: accuracyLabel, Min: 0, Max: 1}, Empty: notEvaluated}
	addCurves(&p, runs, func(e bnlib.Point) float64 { return e.Accuracy }, room)
	return p
}

func lossPanel(runs []*bnlib.Run) plot.Panel {
	p := plot.Panel{X: stepAxis(runs), Y: plot.Axis{Label: lossLabel, Log: true}, Empty: notEvaluated}
	for i, look := range appearances(runs) {
		x, y := smooth(runs[i].Losses, every(runs[i]))
		if len(x) > 0 {
			note := fmt.Sprintf("training (mean of %d steps)", every(runs[i]))
			p.Series = append(p.Series, plot.Series{Name: look.name, Style: look.style, Faint: true, Note: note, X: x, Y: y})
			p.Y.Label = fmt.Sprintf("cross-entropy (nats, log scale); thin: training, mean of %d steps", every(runs[i]))
		}
	}
	addCurves(&p, runs, func(e bnlib.Point) float64 { return e.Loss }, false)
	return p
}

// addCurves draws value(evaluation) against step for each run, broken where the loss is not finite, and marks those places.
func addCurves(p *plot.Panel, runs []*bnlib.Run, value func(bnlib.Point) float64, room bool) {
	for i, look := range appearances(runs) {
		run := runs[i]
		s := plot.Series{Name: look.name, Style: look.style}
		for _, e := range run.Points {
			y := value(e)
			if !finite(e.Loss) {
				y = math.NaN()
			}
			s.X, s.Y = append(s.X, float64(e.Step)), append(s.Y, y)
		}
		p.Series = append(p.Series, s)
		p.Marks = append(p.Marks, divergences(run, s, room)...)
	}
}

// smooth returns the means of the training losses over each `every` steps, at the last of those steps. The steps at the
// end that do not fill a mean yet get one of their own.
func smooth(losses []float32, every int) (x, y []float64) {
	for start := 0; start < len(losses); start += every {
		end := min(start+every, len(losses))
		sum := 0.0
		for _, l := range losses[start:end] {
			sum += float64(l)
		}
		x, y = append(x, float64(end)), append(y, sum/float64(end-start))
	}
	return x, y
}

func every(run *bnlib.Run) int {
	if run.Network.Every > 0 {
		return run.Network.Every
	}
	return 500
}

// stepAxis reaches as far as training will, so that a chart drawn while networks train shows how far they have come.
func stepAxis(runs []*bnlib.Run) plot.Axis {
	last := 0
	for _, run := range runs {
		last = max(last, run.Network.Steps, run.Last().Step)
	}
	return plot.Axis{Label: stepLabel, Max: float64(last)}
}

func accuracyOf(e bnlib.Point) string { return bnlib.FormatAccuracy(e.Accuracy) }

func lossOf(e bnlib.Point) string { return fmt.Sprintf("%.3g", e.Loss) }

func percent(share float64) string { return fmt.Sprintf("%.2f%%", 100*share) }
