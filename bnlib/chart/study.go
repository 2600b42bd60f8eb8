package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/claims"
	"batchnorm/bnlib/plot"
)

// Study is the article's closing table with ours beside it: a row an experiment, by its number in bnlib.Article, the article's
// accuracies on the test images, ours as median (smallest to largest) over the seeds, and how many networks collapsed.
func Study(study map[int]bnlib.Replicates) *plot.Table {
	study = presentIn(study)
	t := &plot.Table{Header: []string{
		"experiment", "std", "rate", "activation",
		"article, without", "ours, without", "article, with", "ours, with", "collapsed, without", "collapsed, with",
	}}
	for _, n := range slices.Sorted(maps.Keys(study)) {
		r := study[n]
		article := [2]string{"–", "–"}
		if n >= 1 && n < len(bnlib.ArticleReported) {
			reported := bnlib.ArticleReported[n]
			article = [2]string{bnlib.FormatAccuracy(reported.PlainTest), bnlib.FormatAccuracy(reported.BatchNormTest)}
		}
		e := r.Experiment
		t.Rows = append(t.Rows, []string{
			fmt.Sprint(n), fmt.Sprint(e.InitStd), fmt.Sprint(e.LearningRate), e.ActivationName(),
			article[0], r.Plain.Test().String(), article[1], r.BatchNorm.Test().String(),
			collapses(r.Plain), collapses(r.BatchNorm),
		})
	}
	t.Caption = "Accuracy on the test images without and with batch norm. The article's are of one run each; ours: median (smallest to largest) of " + sizeOf(study) +
		". A collapsed network gives nearly every image one class; its accuracy is the share of that class."
	return t
}

// sizeOf says what stands behind the numbers of a study.
func sizeOf(study map[int]bnlib.Replicates) string {
	var seeds, steps []int
	undone := 0
	for _, r := range study {
		seeds = append(seeds, len(r.Plain), len(r.BatchNorm))
		for _, run := range slices.Concat(r.Plain, r.BatchNorm) {
			steps = append(steps, run.Network.Steps)
			if run.Status.Early() {
				undone++
			}
		}
	}
	if len(steps) == 0 {
		return "no runs"
	}
	text := countedAll(seeds, "seed") + ", " + countedAll(steps, "step")
	if undone > 0 {
		text += fmt.Sprintf(", without the %s that did not come to the end", countedAll([]int{undone}, "run"))
	}
	return text
}

// countedAll writes "3 seeds", "1 seed", or "3 to 5 seeds".
func countedAll(numbers []int, of string) string {
	low, high := slices.Min(numbers), slices.Max(numbers)
	if high != 1 {
		of += "s"
	}
	if low == high {
		return fmt.Sprintf("%d %s", high, of)
	}
	return fmt.Sprintf("%d to %d %s", low, high, of)
}

// collapses says how many networks of a sample collapsed, and why: "2 of 3 (not finite)".
func collapses(sample bnlib.Sample) string {
	causes := map[bnlib.Cause]int{}
	collapsed, done := 0, 0
	for _, run := range sample {
		if run.Status.Early() {
			continue
		}
		done++
		if c, ok := run.Collapse(); ok {
			collapsed++
			causes[c.Cause]++
		}
	}
	switch {
	case done == 0:
		return "–"
	case collapsed == 0:
		return fmt.Sprintf("0 of %d", done)
	}
	var why []string
	for _, cause := range slices.Sorted(maps.Keys(causes)) {
		text := causeNames[cause]
		if len(causes) > 1 {
			text = fmt.Sprintf("%d %s", causes[cause], text)
		}
		why = append(why, text)
	}
	return fmt.Sprintf("%d of %d (%s)", collapsed, done, strings.Join(why, ", "))
}

var causeNames = map[bnlib.Cause]string{
	bnlib.NotFinite:      "not finite",
	bnlib.Overflow:       "overflow",
	bnlib.DeadUnits:      "dead units",
	bnlib.ConstantOutput: "constant",
}

// Verdicts lists the article's claims, in its order, with what the runs of a study make of them: claims.Claims and
// Claim.Judge. study holds the experiments by their number in bnlib.Article; others are those that some claims need besides, see
// claims.Others. A claim about an experiment that is not there is left out, one whose runs are not done is untested.
func Verdicts(study map[int]bnlib.Replicates, others ...bnlib.Replicates) *plot.Table {
	study, others = presentIn(study), presentOf(others)
	t := &plot.Table{Header: []string{"experiment", "the article says", "its figures, without / with", "verdict", "our runs"}, Words: true}
	counts := map[claims.Outcome]int{}
	all := claims.Study{Article: study, Others: others}
	for _, c := range claims.Claims {
		if !all.Covers(c) {
			continue
		}
		about := "conclusion"
		if c.Experiment > 0 {
			about = fmt.Sprint(c.Experiment)
		}
		v := verdict(c, all)
		counts[v.Outcome]++
		t.Rows = append(t.Rows, []string{about, c.Text, c.Reported, v.Outcome.String(), v.Evidence})
	}
	var parts []string
	for o := claims.Untested; o <= claims.MatterOfSeed; o++ {
		if counts[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[o], o))
		}
	}
	t.Caption = fmt.Sprintf("Of %s: %s. Our runs: %s; numbers are median (smallest to largest).", counted(len(t.Rows), "claim"), strings.Join(parts, ", "), sizeOf(study))
	return t
}

func verdict(c claims.Claim, study claims.Study) claims.Verdict {
	v, err := c.Judge(study)
	if err != nil {
		return claims.Verdict{Evidence: strings.TrimPrefix(err.Error(), "claims: Judge: ")}
	}
	return v
}
