package plot_test

import (
	"fmt"
	"math"

	"batchnorm/bnlib/plot"
)

// Any other figure is a literal. A value that is not a number breaks the curve.
func ExampleFigure() {
	x := []float64{0.01, 0.1, 1, 10}
	figure := &plot.Figure{
		Title: "The sigmoid's slope vanishes where its input is large",
		Panels: []plot.Panel{{
			X: plot.Axis{Label: "pre-activation", Log: true},
			Y: plot.Axis{Label: "slope", Min: 0, Max: 0.3},
			Series: []plot.Series{
				{Name: "sigmoid", Style: plot.Variant(0), X: x, Y: []float64{.25, .2494, .1966, .00005}},
				{Name: "unknown beyond 1", Style: plot.Variant(1), X: x, Y: []float64{.2, .2, .15, math.NaN()}},
			},
			Marks: []plot.Mark{{X: 10, Y: .15, Text: "not measured", Color: plot.Variant(1).Color}},
			Rules: []plot.Rule{{Y: .25, Text: "its largest value"}},
		}},
	}
	_, err := figure.PNG()
	fmt.Println(err)
	// Output: <nil>
}

// A grid of colours, such as accuracies over two settings.
func ExampleCells() {
	figure := &plot.Figure{
		Title: "Where training works",
		Panels: []plot.Panel{{
			X: plot.Axis{Label: "learning rate", Log: true},
			Y: plot.Axis{Label: "std of the initial weights", Log: true},
			Cells: []plot.Cells{{
				X: []float64{.003, .03, .3}, Y: []float64{.01, .1, 1}, Name: "accuracy",
				Values: [][]float64{{.97, .91}, {.98, math.NaN()}},
				Colors: plot.ColorScale{Stops: plot.Sequential(plot.Blue.Color), Max: 1},
			}},
		}},
	}
	_, err := figure.PNG()
	fmt.Println(err)
	// Output: <nil>
}
