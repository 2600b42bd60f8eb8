package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// SeedBands draws validation accuracy against training step over several seeds: their median, and a band from the lowest to the
// highest, for each of the two networks. A panel for each of the replicates. The accuracy of a network that diverged counts: it
// is the share of class 0.
func SeedBands(replicates ...bnlib.Replicates) *plot.Figure {
	return seeds(replicates, seedMeasure{
		what:  "validation accuracy",
		axis:  plot.Axis{Label: accuracyLabel, Min: 0, Max: 1},
		short: "validation accuracy (share)",
		of:    func(accuracy float64) float64 { return accuracy },
		write: bnlib.FormatAccuracy,
	})
}

// SeedErrors is SeedBands of the validation error, 1 - accuracy, on a log axis, where networks that are almost always right can be
// told apart. An error of 0 breaks the curve and the band.
func SeedErrors(replicates ...bnlib.Replicates) *plot.Figure {
	return seeds(replicates, seedMeasure{
		what:  "validation error",
		axis:  plot.Axis{Label: errorLabel, Log: true},
		short: "validation error (share, log)",
		of:    func(accuracy float64) float64 { return 1 - accuracy },
		write: percent,
	})
}

// seedMeasure is what a figure over seeds draws.
type seedMeasure struct {
	what  string
	axis  plot.Axis
	short string                         // label of the axis where several panels share the figure
	of    func(accuracy float64) float64 // of an evaluation
	write func(float64) string
}

func seeds(replicates []bnlib.Replicates, measure seedMeasure) *plot.Figure {
	replicates = presentOf(replicates)
	f := &plot.Figure{Title: seedsTitle(replicates, measure), Columns: min(4, len(replicates))}
	if len(replicates) > 1 {
		f.Width, f.Height = plot.PageWidth, 120
	}
	var all []*bnlib.Run
	for _, r := range replicates {
		runs := slices.Concat(r.Plain, r.BatchNorm)
		p := plot.Panel{X: stepAxis(runs), Y: measure.axis, Empty: notEvaluated}
		if len(replicates) > 1 {
			p.Title, p.Y.Label = experimentTitle(r.Experiment), measure.short
		}
		for i, sample := range []bnlib.Sample{r.Plain, r.BatchNorm} {
			network := bnlib.Network{Norm: bothNorms[i]}
			s := plot.Series{Name: network.Norm.Name}
			s.Style, _ = styleOf(network)
			s.X, s.Y, s.Bands = seedBand(sample, measure)
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

// seedBand returns the median and the range of a measure at each step at which any run was evaluated.
func seedBand(sample bnlib.Sample, measure seedMeasure) (x, median []float64, bands []plot.Band) {
	at := map[int][]float64{}
	for _, run := range sample {
		for _, e := range run.Points {
			at[e.Step] = append(at[e.Step], measure.of(e.Accuracy))
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
		if measure.axis.Log && spread.Min <= 0 {
			spread = bnlib.NewSpread() // which a log axis cannot show
		}
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
func seedsTitle(replicates []bnlib.Replicates, measure seedMeasure) string {
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
	what := "V" + strings.TrimPrefix(measure.what, "v")
	if len(replicates) == 1 && replicates[0].Experiment.Name != "" {
		what = replicates[0].Experiment.Name + ", " + measure.what
	}
	switch {
	case evaluated == 0:
		return what + ": " + notEvaluated
	case len(replicates) == 1:
		end := func(s bnlib.Sample) string {
			return s.Each(func(r *bnlib.Run) float64 { return measure.of(r.Last().Accuracy) }).Text(measure.write)
		}
		return fmt.Sprintf("%s after %d steps, %s: with batch norm %s, without it %s",
			what, steps, counted(seeds, "seed"), end(replicates[0].BatchNorm), end(replicates[0].Plain))
	}
	better, worse := "above", "below"
	if measure.axis.Log {
		better, worse = worse, better
	}
	title := fmt.Sprintf("%s of %s after %d steps, %s: every network with batch norm is %s every one without it, by more than %v, in %s",
		what, counted(len(replicates), "experiment"), steps, counted(seeds, "seed"), better, margin, outOf(apart[1], len(replicates)))
	if apart[0] > 0 {
		title += fmt.Sprintf(", %s in %d", worse, apart[0])
	}
	return title
}
