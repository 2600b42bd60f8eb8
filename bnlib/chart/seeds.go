package chart

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// SeedBands draws validation accuracy against training step over several seeds: their median, and a band from the lowest to the
// highest, for each of the two networks. A panel for each of the replicates. The accuracy of a network that diverged counts: it
// is the share of class 0.
func SeedBands(replicates ...bnlib.Replicates) *plot.Figure {
	f := &plot.Figure{Title: seedsTitle(replicates), Columns: min(4, len(replicates))}
	if len(replicates) > 1 {
		f.Width, f.Height = max(640, 195*f.Columns), 120
	}
	var all []*bnlib.Run
	for _, r := range replicates {
		runs := slices.Concat(r.Plain, r.BatchNorm)
		p := plot.Panel{X: stepAxis(runs), Y: plot.Axis{Label: accuracyLabel, Min: 0, Max: 1}, Empty: notEvaluated}
		if len(replicates) > 1 {
			p.Title, p.Y.Label = experimentTitle(r.Experiment), "validation accuracy (share)"
		}
		for i, sample := range []bnlib.Sample{r.Plain, r.BatchNorm} {
			network := bnlib.Network{Norm: bothNorms[i]}
			s := plot.Series{Name: network.Norm.Name}
			s.Style, _ = styleOf(network)
			s.X, s.Y, s.Bands = seedBand(sample)
			if len(s.X) == 0 {
				continue
			}
			p.Series = append(p.Series, s)
			p.Marks = append(p.Marks, seedsDiverged(sample, s)...)
		}
		f.Panels = append(f.Panels, p)
		all = append(all, runs...)
	}
	f.Subtitle = conditions(all)
	explain(f, "line: median of the seeds; band: lowest to highest")
	return f
}

// seedBand returns the median and the range of the accuracies at each step at which any run was evaluated.
func seedBand(sample bnlib.Sample) (x, median []float64, bands []plot.Band) {
	at := map[int][]float64{}
	for _, run := range sample {
		for _, e := range run.Points {
			at[e.Step] = append(at[e.Step], e.Accuracy)
		}
	}
	steps := make([]int, 0, len(at))
	for step := range at {
		steps = append(steps, step)
	}
	slices.Sort(steps)
	band := plot.Band{Note: fmt.Sprintf("range of %s", counted(len(sample), "seed"))}
	for _, step := range steps {
		spread := bnlib.NewSpread(at[step]...)
		x, median = append(x, float64(step)), append(median, spread.Median)
		band.Low, band.High = append(band.Low, spread.Min), append(band.High, spread.Max)
	}
	return x, median, []plot.Band{band}
}

// seedsDiverged marks the step at which the first of the runs diverged, if any did, on their median.
func seedsDiverged(sample bnlib.Sample, s plot.Series) []plot.Mark {
	first, n := math.MaxInt, 0
	for _, run := range sample {
		if at := divergedAt(run); at > 0 {
			first, n = min(first, at), n+1
		}
	}
	if n == 0 {
		return nil
	}
	m := plot.Mark{X: float64(first), Y: s.Y[0], Color: s.Style.Color, Text: fmt.Sprintf("%d of %d diverged", n, len(sample))}
	for i, x := range s.X {
		if x <= m.X {
			m.Y = s.Y[i]
		}
	}
	m.Detail = fmt.Sprintf("%s: %s, the first of them at step %d", s.Name, m.Text, first)
	return []plot.Mark{m}
}

// seedsTitle says how the networks of one experiment ended, or, of several, in how many the ranges of the two networks are apart.
func seedsTitle(replicates []bnlib.Replicates) string {
	steps, seeds, evaluated := 0, 0, 0
	apart := [2]int{} // without batch norm ahead, with batch norm ahead
	for _, r := range replicates {
		seeds = max(seeds, len(r.Plain), len(r.BatchNorm))
		for _, run := range slices.Concat(r.Plain, r.BatchNorm) {
			steps = max(steps, run.Last().Step)
			if len(run.Points) > 0 {
				evaluated++
			}
		}
		plain, with := r.Plain.Validation(), r.BatchNorm.Validation()
		if ahead(plain.Min, with.Max) {
			apart[0]++
		}
		if ahead(with.Min, plain.Max) {
			apart[1]++
		}
	}
	what := "Validation accuracy"
	if len(replicates) == 1 && replicates[0].Experiment.Name != "" {
		what = replicates[0].Experiment.Name + ", validation accuracy"
	}
	switch {
	case evaluated == 0:
		return what + ": " + notEvaluated
	case len(replicates) == 1:
		return fmt.Sprintf("%s after %d steps, %s: with batch norm %v, without it %v",
			what, steps, counted(seeds, "seed"), replicates[0].BatchNorm.Validation(), replicates[0].Plain.Validation())
	}
	title := fmt.Sprintf("%s of %s after %d steps, %s: every network with batch norm is above every one without it, by more than %v, in %s",
		what, counted(len(replicates), "experiment"), steps, counted(seeds, "seed"), margin, outOf(apart[1], len(replicates)))
	if apart[0] > 0 {
		title += fmt.Sprintf(", below in %d", apart[0])
	}
	return title
}
