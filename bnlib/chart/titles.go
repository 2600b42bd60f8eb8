package chart

import (
	"fmt"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// headline says how the runs ended, with batch normalization first: "Experiment 1, validation accuracy after 50000 steps:
// with batch norm .9803, without .9751".
func headline(what string, value func(bnlib.Point) string, runs []*bnlib.Run) string {
	what = topic(what, runs)
	last, steps, evaluated := 0, 0, false
	for _, run := range runs {
		evaluated = evaluated || len(run.Points) > 0
		last, steps = max(last, run.Last().Step), max(steps, run.Network.Steps)
	}
	switch {
	case !evaluated:
		return what + ": " + notEvaluated
	case last == 0:
		what += " before training"
	case last < steps:
		what += fmt.Sprintf(" after %d of %d steps", last, steps)
	default:
		what += fmt.Sprintf(" after %d steps", last)
	}
	without := func(run *bnlib.Run) string {
		if divergedAt(run) > 0 {
			return "without it"
		}
		return "without"
	}
	items := ofEach(runs, without, func(run *bnlib.Run) string {
		item := outcome(run, value)
		if end := run.Last().Step; len(run.Points) > 0 && end < last {
			item += fmt.Sprintf(" (step %d)", end)
		}
		return item
	})
	separator := ", "
	if strings.Contains(strings.Join(items, ""), separator) {
		separator = "; " // a name has a comma of its own
	}
	return what + ": " + strings.Join(items, separator)
}

// firstFew keeps the first four things that a title lists, and says how many more there are.
func firstFew(items []string) []string {
	const most = 4
	if len(items) > most {
		items = append(items[:most], fmt.Sprintf("and %d more", len(items)-most))
	}
	return items
}

func outcome(run *bnlib.Run, value func(bnlib.Point) string) string {
	switch e := run.Last(); {
	case len(run.Points) == 0:
		return notEvaluated
	case !finite(e.Loss):
		return fmt.Sprintf("diverged at step %d", divergedAt(run))
	default:
		return value(e)
	}
}

// What titles count as ahead: another seed moves an accuracy by some thousandths, and of two networks that have learned nothing
// the one whose class has more images is no better.
const (
	margin  = 0.01
	nothing = 0.2 // the commonest class alone gives 0.1135
)

// ahead reports whether an accuracy is ahead of another.
func ahead(accuracy, other float64) bool { return accuracy > other+margin && accuracy >= nothing }

// conditions lists the settings that all runs share and that are known.
func conditions(runs []*bnlib.Run) string {
	var out []string
	common := func(format string, of func(n bnlib.Network) any) {
		if len(runs) == 0 {
			return
		}
		first := of(runs[0].Network)
		for _, run := range runs {
			if of(run.Network) != first {
				return
			}
		}
		switch first {
		case 0, 0.0, uint64(0), "none":
		default:
			out = append(out, fmt.Sprintf(format, first))
		}
	}
	common("weights normal(0, %v)", func(n bnlib.Network) any { return n.InitStd })
	common("learning rate %v", func(n bnlib.Network) any { return n.LearningRate })
	common("%v", func(n bnlib.Network) any { return n.Experiment.ActivationName() })
	common("minibatches of %v", func(n bnlib.Network) any { return n.Batch })
	common("seed %v", func(n bnlib.Network) any { return n.Seed })
	return strings.Join(out, " · ")
}

// explain adds a few words to the conditions under the title.
func explain(f *plot.Figure, words string) {
	if f.Subtitle != "" && words != "" {
		f.Subtitle += " · "
	}
	f.Subtitle += words
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
		if len(run.Snapshots()) == 0 {
			return "not looked into"
		}
		return what(run)
	})
}

// eachOutcome says something of each run, those with batch normalization first: "with batch norm …; without it …".
func eachOutcome(runs []*bnlib.Run, what func(*bnlib.Run) string) string {
	return strings.Join(ofEach(runs, func(*bnlib.Run) string { return "without it" }, what), "; ")
}

// ofEach says something of each run, those with batch normalization first. Where there are several, without names the one
// without it.
func ofEach(runs []*bnlib.Run, without, what func(*bnlib.Run) string) []string {
	var with, others []string
	for i, look := range appearances(runs) {
		run, name := runs[i], look.name
		if look.plain && isBatch(run.Network) {
			with = append(with, name+" "+what(run))
			continue
		}
		if look.plain && run.Network.Norm.Equal(bnlib.None) && len(runs) > 1 {
			name = without(run)
		}
		others = append(others, name+" "+what(run))
	}
	return firstFew(append(with, others...))
}
