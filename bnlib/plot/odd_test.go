package plot_test

import (
	"bytes"
	"image/png"
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
)

// Whatever a reader writes into a Figure, it is drawn.
func TestOddFigures(t *testing.T) {
	for name, figure := range oddFigures() {
		t.Run(name, func(t *testing.T) {
			picture, err := figure.PNG()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
				t.Error(err)
			}
			vegalite.Of(t, figure)
		})
	}
}

func oddFigures() map[string]*plot.Figure {
	nan, inf := math.NaN(), math.Inf(1)
	return map[string]*plot.Figure{
		"nothing":         {},
		"no series":       {Panels: []plot.Panel{{}}},
		"no points":       {Panels: []plot.Panel{{Series: []plot.Series{{Name: "a"}}}}},
		"one point":       {Panels: []plot.Panel{{Series: []plot.Series{{X: []float64{3}, Y: []float64{4}}}}}},
		"all missing":     {Panels: []plot.Panel{{Series: []plot.Series{{X: []float64{1, nan, inf}, Y: []float64{nan, 1, inf}}}}}},
		"zero on log":     {Panels: []plot.Panel{{Y: plot.Axis{Log: true}, Series: []plot.Series{{X: []float64{1, 2}, Y: []float64{0, -1}}}}}},
		"huge on log":     {Panels: []plot.Panel{{Y: plot.Axis{Log: true}, Series: []plot.Series{{X: []float64{1, 2}, Y: []float64{1e-300, 1e300}}}}}},
		"huge":            {Panels: []plot.Panel{{Series: []plot.Series{{X: []float64{1, 2}, Y: []float64{-1e308, 1e308}}}}}},
		"unequal lengths": {Panels: []plot.Panel{{Series: []plot.Series{{X: []float64{1, 2, 3}, Y: []float64{1}}}}}},
		"constant":        {Panels: []plot.Panel{{Series: []plot.Series{{X: []float64{1, 2}, Y: []float64{1e9, 1e9}}}}}},
		"tiny range":      {Panels: []plot.Panel{{Series: []plot.Series{{X: []float64{1, 2}, Y: []float64{1, 1 + 1e-12}}}}}},
		"log limits of 0": {Panels: []plot.Panel{{Y: plot.Axis{Log: true, Min: 0, Max: 1}}}},
		"band only":       {Panels: []plot.Panel{{Series: []plot.Series{{X: []float64{1, 2}, Y: []float64{nan, nan}, Bands: []plot.Band{{Low: []float64{1, 2}, High: []float64{3, 1}}}}}}}},
		"short band":      {Panels: []plot.Panel{{Series: []plot.Series{{X: []float64{1, 2, 3}, Y: []float64{1, 2, 3}, Bands: []plot.Band{{Low: []float64{1}}, {}}}}}}},
		"no band":         {Panels: []plot.Panel{{Y: plot.Axis{Log: true}, Series: []plot.Series{{X: []float64{1, 2}, Y: []float64{1, 2}, Bands: []plot.Band{{Low: []float64{nan, inf}, High: []float64{1, -1}}}}}}}},
		"rule only":       {Panels: []plot.Panel{{Rules: []plot.Rule{{Y: 3, Text: "three"}, {Y: nan}}}}},
		"mark only":       {Panels: []plot.Panel{{Marks: []plot.Mark{{X: 3, Y: nan, Text: "three"}, {X: inf}}}}},
		"long words":      {Title: strings.Repeat("very long ", 40), Subtitle: strings.Repeat("x", 400), Panels: []plot.Panel{{}}},
		"more columns":    {Columns: 9, Panels: []plot.Panel{{}, {}}},
		"phases":          phases(),
		"narrow":          {Width: 1, Height: 1, Panels: []plot.Panel{{}, {}}},
	}
}
