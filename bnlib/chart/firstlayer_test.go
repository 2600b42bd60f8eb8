package chart_test

import (
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/internal/vegalite"
)

func TestFirstLayer(t *testing.T) {
	const units, side = 30, 28
	w := bnlib.Weight{Name: "hidden_1/dense/weights", Dims: []int{side * side, units}, Values: make([]float32, side*side*units)}
	// Unit u has the norm u: one weight, at row u and column 0. Unit 29, the largest, has it at the upper left.
	for u := range units {
		row := u
		if u == units-1 {
			row = 0
		}
		if row < side {
			w.Values[row*side*units+u] = float32(u)
		}
	}
	w.Values[(side*side-1)*units+28] = -28 // of unit 28, the second, at the lower right
	figure := chart.FirstLayer(&bnlib.Run{Network: bnlib.Network{Norm: bnlib.None}, Weights: []bnlib.Weight{w}})
	if !strings.Contains(figure.Title, "norms of the 24 largest units: without batch norm 29 to 6") {
		t.Errorf("title %q", figure.Title)
	}
	cells := figure.Panels[0].Cells[0]
	columns, rows := len(cells.Values), len(cells.Values[0])
	if columns != 4*29-1 || rows != 6*29-1 {
		t.Fatalf("%d by %d cells", columns, rows)
	}
	if got := cells.Values[0][rows-1]; got != 29 {
		t.Errorf("the upper left cell has %v, want the 29 of the largest unit", got)
	}
	if got := cells.Values[29+27][rows-28]; got != -28 {
		t.Errorf("the lower right of the second image has %v, want -28", got)
	}
	if got := cells.Values[28][0]; !math.IsNaN(got) {
		t.Errorf("between images is %v, want nothing", got)
	}
	if cells.Colors.Min != -cells.Colors.Max {
		t.Errorf("colours from %v to %v, want symmetric about zero", cells.Colors.Min, cells.Colors.Max)
	}
}

func TestFirstLayerWithoutImages(t *testing.T) {
	nan := float32(math.NaN())
	values := make([]float32, 784)
	for i := range values {
		values[i] = nan
	}
	weights := func(dims []int, values []float32) *bnlib.Run {
		return &bnlib.Run{Weights: []bnlib.Weight{{Name: "hidden_1/dense/weights", Dims: dims, Values: values}}}
	}
	tests := map[string]struct {
		runs []*bnlib.Run
		want string
	}{
		"no runs":        {nil, ""},
		"no weights":     {[]*bnlib.Run{{}}, "no hidden_1/dense/weights of an image's size"},
		"another size":   {[]*bnlib.Run{weights([]int{2, 1}, []float32{1, 2})}, "no hidden_1/dense/weights of an image's size"},
		"not finite":     {[]*bnlib.Run{weights([]int{784, 1}, values)}, "no weight is finite"},
		"zeros, one":     {[]*bnlib.Run{weights([]int{784, 1}, make([]float32, 784))}, ""},
		"too few values": {[]*bnlib.Run{weights([]int{784, 2}, make([]float32, 784))}, "no hidden_1/dense/weights of an image's size"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			figure := chart.FirstLayer(test.runs...)
			for _, p := range figure.Panels {
				if test.want != "" && (p.Empty != test.want || len(p.Cells) > 0) {
					t.Errorf("the panel says %q, want %q", p.Empty, test.want)
				}
			}
			vegalite.Of(t, figure)
			if _, err := figure.PNG(); err != nil {
				t.Error(err)
			}
		})
	}
}
