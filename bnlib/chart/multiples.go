package chart

import (
	"fmt"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// Multiples draws validation accuracy against training step in one small panel for each experiment, four in a row: the article's
// eight, in their order, make a row of small initial weights above a row of large ones. Each of pairs holds the runs of one
// experiment.
func Multiples(pairs [][]*bnlib.Run) *plot.Figure {
	pairs = slices.Clone(pairs)
	for i := range pairs {
		pairs[i] = present(pairs[i])
	}
	f := &plot.Figure{Title: multiplesTitle(pairs), Columns: min(4, len(pairs)), Height: 120}
	f.Width = plot.PageWidth
	var all []*bnlib.Run
	for _, runs := range pairs {
		p := accuracyPanel(runs, false)
		p.Title, p.Y.Label = panelTitle(runs), "validation accuracy (share)"
		f.Panels = append(f.Panels, p)
		all = append(all, runs...)
	}
	f.Subtitle = conditions(all)
	return f
}

// panelTitle names an experiment in few words: "1 · std 0.05, rate 0.01, ReLU".
func panelTitle(runs []*bnlib.Run) string {
	if len(runs) == 0 {
		return ""
	}
	return experimentTitle(runs[0].Network.Experiment)
}

func experimentTitle(e bnlib.Experiment) string {
	if e.Model != nil {
		return e.Name
	}
	title := fmt.Sprintf("std %v, rate %v, %s", e.InitStd, e.LearningRate, e.ActivationName())
	if name := strings.TrimPrefix(e.Name, "Experiment "); name != "" {
		title = name + " · " + title
	}
	return title
}

// multiplesTitle counts: "Validation accuracy of 8 experiments after 50000 steps: higher with batch norm, by more than 0.01, in 5 of
// 8; without it 2 diverged".
func multiplesTitle(pairs [][]*bnlib.Run) string {
	compared, higher, steps := 0, 0, 0
	var diverged [2]int
	for _, runs := range pairs {
		var ends [2]float64
		var found [2]bool
		for _, run := range runs {
			side := 0
			if isBatch(run.Network) {
				side = 1
			}
			if divergedAt(run) > 0 {
				diverged[side]++
			}
			if len(run.Points) > 0 {
				ends[side], found[side] = run.Last().Accuracy, true
				steps = max(steps, run.Last().Step)
			}
		}
		if found[0] && found[1] {
			compared++
			if ahead(ends[1], ends[0]) {
				higher++
			}
		}
	}
	title := "Validation accuracy of " + counted(len(pairs), "experiment")
	if compared == 0 {
		return title + ": " + notEvaluated
	}
	title += fmt.Sprintf(" after %d steps: higher with batch norm, by more than %v, in %s", steps, margin, outOf(higher, compared))
	if diverged[0] > 0 {
		title += fmt.Sprintf("; without it %d diverged", diverged[0])
	}
	if diverged[1] > 0 {
		title += fmt.Sprintf("; with it %d diverged", diverged[1])
	}
	return title
}

func outOf(n, all int) string {
	if n == all && n > 2 {
		return fmt.Sprintf("all %d", n)
	}
	return fmt.Sprintf("%d of %d", n, all)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
