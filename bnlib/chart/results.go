package chart

import (
	"fmt"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// Results tells how each run ended: accuracies on the test and validation images, the first evaluation at 90% or above, and the
// status. What is not known is a dash. How fast a run was it does not tell: networks that train beside each other share a machine.
func Results(runs ...*bnlib.Run) *plot.Table {
	runs = present(runs)
	t := &plot.Table{Header: []string{"network", "test accuracy", "validation accuracy", "90% at step", "status"}}
	notes := []string{}
	if c := conditions(runs); c != "" {
		notes = append(notes, c)
	}
	diverged := false
	for i, look := range appearances(runs) {
		run := runs[i]
		test, validation := "–", "–"
		if !underway(run) {
			test = bnlib.FormatAccuracy(run.Test)
		}
		if len(run.Points) > 0 {
			validation = bnlib.FormatAccuracy(run.Last().Accuracy)
		}
		if divergedAt(run) > 0 {
			diverged = true
			test, validation = starred(test), starred(validation)
		}
		t.Rows = append(t.Rows, []string{look.name, test, validation, reached(run), status(run)})
	}
	if len(runs) > 0 && oneExperiment(runs) && runs[0].Network.Name != "" {
		notes = append([]string{runs[0].Network.Name}, notes...)
	}
	t.Caption = strings.Join(notes, " · ")
	if diverged {
		t.Caption += ". * After divergence logits are not numbers, every image counts as class 0, and the accuracy is the share of that class."
	}
	return t
}

func starred(s string) string {
	if s == "–" {
		return s
	}
	return s + "*"
}

// underway reports whether a run is still in training.
func underway(run *bnlib.Run) bool { return run.Status == bnlib.Running }

func reached(run *bnlib.Run) string {
	step, ok := run.Reached(0.9)
	switch {
	case !ok && underway(run):
		return "not yet"
	case !ok:
		return "never"
	}
	return fmt.Sprint(step)
}

func status(run *bnlib.Run) string {
	s := run.Status.String()
	switch at := divergedAt(run); {
	case at > 0:
		s = fmt.Sprintf("diverged at step %d", at)
	case underway(run):
		s = fmt.Sprintf("step %d of %d", run.Last().Step, run.Network.Steps)
	case run.Status.Early():
		s = fmt.Sprintf("%s at step %d of %d", s, run.Last().Step, run.Network.Steps)
	}
	return s
}

// Accuracies writes accuracies in [0, 1], for a column of a table; a NaN is a dash:
//
//	chart.Results(pair...).AddColumn("article, test", chart.Accuracies(.9746, .9801)...)
func Accuracies(shares ...float64) []string {
	cells := make([]string, len(shares))
	for i, share := range shares {
		cells[i] = bnlib.FormatAccuracy(share)
	}
	return cells
}
