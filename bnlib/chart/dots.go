package chart

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// Dots draws every network of a study by its accuracy on the test images, and beside it by its error on a log axis: a row an
// experiment, by its number in bnlib.Article, and within it a line without batch normalization and one with it, a dot a seed. A
// × is the article's one run.
func Dots(study map[int]bnlib.Replicates) *plot.Figure {
	study = presentIn(study)
	accuracy := plot.Panel{X: plot.Axis{Label: "test accuracy (share of test images)", Min: 0, Max: 1}, Y: plot.Axis{Label: "experiment"}, Empty: "no runs"}
	failure := plot.Panel{X: plot.Axis{Label: "test error (share of test images, log scale)", Log: true}, Y: plot.Axis{Label: "experiment"}, Empty: "no runs"}
	var dots [2]plot.Scatter
	for i, norm := range bothNorms {
		dots[i] = plot.Scatter{Name: norm.Name, Color: norm.Color}
	}
	article := plot.Scatter{Name: "the article, one run", Color: plot.Ink, Cross: true}
	wins := 0
	numbers := slices.Sorted(maps.Keys(study))
	for row, n := range numbers {
		r := study[n]
		e := r.Experiment
		at := -float64(row)
		conditions := fmt.Sprintf("std %v, rate %v, %s", e.InitStd, e.LearningRate, e.ActivationName())
		accuracy.Y.Names = append(accuracy.Y.Names, plot.Name{At: at, Text: fmt.Sprintf("%d: %s", n, conditions)})
		failure.Y.Names = append(failure.Y.Names, plot.Name{At: at, Text: fmt.Sprint(n)})
		reported := [2]float64{math.NaN(), math.NaN()}
		if n >= 1 && n < len(bnlib.ArticleReported) {
			reported = [2]float64{bnlib.ArticleReported[n].PlainTest, bnlib.ArticleReported[n].BatchNormTest}
		}
		for i, sample := range []bnlib.Sample{r.Plain, r.BatchNorm} {
			line := at + 0.2 - 0.4*float64(i)
			name := fmt.Sprintf("experiment %d, %s", n, dots[i].Name)
			article.Add(reported[i], line, fmt.Sprintf("%s: %s in the article", name, bnlib.FormatAccuracy(reported[i])))
			for _, run := range sample {
				dots[i].Add(run.Test, line, fmt.Sprintf("%s: %s with seed %d", name, bnlib.FormatAccuracy(run.Test), run.Network.Seed))
			}
		}
		if ahead(r.BatchNorm.Test().Min, r.Plain.Test().Max) {
			wins++
		}
	}
	f := &plot.Figure{
		Title: fmt.Sprintf("Test accuracy: in %d of %s every seed with batch norm is above every seed without by more than %v",
			wins, countedAll([]int{len(numbers)}, "experiment"), margin),
		Subtitle: "a dot a network after its last step; " + sizeOf(study),
		Height:   max(80, 36*len(numbers)),
	}
	for _, p := range []plot.Panel{accuracy, failure} {
		p.Y.Min, p.Y.Max = 0.5-float64(max(1, len(numbers))), 0.5
		for _, s := range []plot.Scatter{dots[0], dots[1], article} {
			if p.X.Log {
				shares := s.X
				s.X = nil
				for _, share := range shares {
					s.X = append(s.X, 1-share)
				}
			}
			p.Scatters = append(p.Scatters, s)
		}
		f.Panels = append(f.Panels, p)
	}
	return f
}
