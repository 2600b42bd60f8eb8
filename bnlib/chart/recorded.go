package chart

import (
	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
)

// Recorded draws what a hook recorded under a name, against the step: of each run a curve, in the run's style and under its name, for a
// panel of a figure. of makes the one number that is drawn out of those of a record; nil: the first. A run that has not been looked at has
// an empty curve.
//
//	panel := plot.Panel{X: plot.Axis{Label: "training step"}, Y: plot.Axis{Label: "cosine"}, Series: chart.Recorded(cosine, "hidden_1", nil, runs...)}
func Recorded(hook probe.Hook, record string, of func(numbers []float64) float64, runs ...*bnlib.Run) []plot.Series {
	if of == nil {
		of = func(numbers []float64) float64 { return numbers[0] }
	}
	runs = present(runs)
	curves := make([]plot.Series, len(runs))
	for i, look := range appearances(runs) {
		curves[i] = plot.Series{Name: look.name, Style: look.style}
		h := runs[i].Seen[hook.Name]
		for k, numbers := range h.Of(record) {
			if len(numbers) > 0 {
				curves[i].X, curves[i].Y = append(curves[i].X, float64(h.Steps[k])), append(curves[i].Y, of(numbers))
			}
		}
	}
	return curves
}
