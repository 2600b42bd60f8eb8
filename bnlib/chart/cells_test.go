package chart_test

import (
	"maps"

	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/plot"
)

// goldenCells names those of cellFigures whose pictures are compared with testdata.
var goldenCells = []string{"heat3", "heat4", "heat7", "weights4", "dots"}

// cellFigures are the figures made of cells.
func cellFigures() map[string]*plot.Figure {
	return map[string]*plot.Figure{
		"heat3":    chart.HistogramHeat(recordedInside("inside3")...),
		"heat4":    chart.HistogramHeat(recordedInside("inside4")...),
		"weights4": chart.FirstLayer(recordedInside("inside4")...),
		"dots":     chart.Dots(recordedEight()),
		"heat7":    chart.HistogramHeat(probed("probe7")...),
		"heat6":    chart.HistogramHeat(recordedInside("inside6")...),
	}
}

func allFigures() map[string]*plot.Figure {
	all := figures()
	maps.Copy(all, cellFigures())
	for name, e := range explorers() {
		all[name] = e.Still
	}
	return all
}
