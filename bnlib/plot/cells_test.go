package plot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"math"
	"reflect"
	"slices"
	"testing"

	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
)

// phases is a grid with logarithmic axes.
func phases() *plot.Figure {
	cells := plot.Cells{
		X: []float64{.005, .05, .5, 5}, Y: []float64{.03, .3, 3, 30}, Name: "validation accuracy",
		Values: [][]float64{{.9, .95, .6}, {.97, math.NaN(), .7}, {.1, .11, .1}},
		Colors: plot.ColorScale{Stops: plot.Sequential(plot.Blue.Color), Max: 1},
	}
	return &plot.Figure{Title: "Where training works", Panels: []plot.Panel{{
		X: plot.Axis{Label: "learning rate", Log: true}, Y: plot.Axis{Label: "std of the initial weights", Log: true},
		Cells: []plot.Cells{cells},
		Marks: []plot.Mark{{X: .05, Y: math.NaN(), Text: "a mark", Color: plot.Orange.Color}},
		Rules: []plot.Rule{{Y: 1, Text: "a rule"}},
	}}}
}

// A grid says what its colours mean once for each scale, and a value keeps its place in the data.
func TestCells(t *testing.T) {
	nan := math.NaN()
	cells := plot.Cells{
		X: []float64{0, 1, 3}, Y: []float64{-1, 0, 1, 2}, Name: "share",
		Values: [][]float64{{0, .25, nan}, {.5, 1, .125}},
		Colors: plot.ColorScale{Stops: []string{"#ffffff", "#000000"}, Max: 1},
	}
	other := cells
	other.Colors.Root = true
	figure := &plot.Figure{Panels: []plot.Panel{{Cells: []plot.Cells{cells}}, {Cells: []plot.Cells{cells}}, {Cells: []plot.Cells{other}}}}
	raw := vegalite.Of(t, figure)
	var spec struct {
		Concat []struct{ Layer []any }
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{4, 1, 4} { // cells, and the key: bar and two limits
		if got := len(spec.Concat[i].Layer); got != want {
			t.Errorf("panel %d has %d layers, want %d", i, got, want)
		}
	}
	// Two digits each, base 36: 0090-- is 0, 324/1295 and nothing known; the square root of 0.25 is 648/1295, i0.
	want := []map[string]string{{"x": "0", "c1": "1", "c2": "0090--", "c3": "00i0--"}, {"x": "1", "c1": "3", "c2": "i0zz4i", "c3": "pgzzcq"}}
	if got := rows(t, figure); !reflect.DeepEqual(got, want) {
		t.Errorf("data %v, want %v", got, want)
	}
}

// The picture has the very colours of the scale, with no seam between cells, and grey where nothing is known.
func TestCellsInPicture(t *testing.T) {
	cells := plot.Cells{
		X: []float64{0, 1, 2, 3}, Y: []float64{0, 1, 2}, Values: [][]float64{{0, 1}, {1, 0}, {math.NaN(), .5}},
		Colors: plot.ColorScale{Stops: []string{"#102030", "#f0e0d0"}, Max: 1},
	}
	raw, err := (&plot.Figure{Panels: []plot.Panel{{Cells: []plot.Cells{cells}}}}).PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	// Along a line through the lower cells, from the left: the scale's first colour, its last, grey; nothing else between.
	var colors []string
	y := img.Bounds().Max.Y - 2*80
	for x := 2 * 60; x < img.Bounds().Max.X-2*20; x++ {
		r, g, b, _ := img.At(x, y).RGBA()
		hex := fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
		if len(colors) == 0 || colors[len(colors)-1] != hex {
			colors = append(colors, hex)
		}
	}
	if want := []string{"#102030", "#f0e0d0", "#cfd3d8"}; !slices.Equal(colors, want) {
		t.Errorf("colours %v, want %v", colors, want)
	}
}

// Whatever cells a reader writes, they are drawn, or the panel says why not.
func TestOddCells(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	scale := plot.ColorScale{Stops: plot.Sequential("#1f6fb4"), Max: 1}
	tests := map[string]plot.Cells{
		"none":           {},
		"no scale":       {X: []float64{0, 1}, Y: []float64{0, 1}, Values: [][]float64{{3}}},
		"falling":        {X: []float64{1, 0}, Y: []float64{0, 1}, Colors: scale},
		"infinite edges": {X: []float64{0, inf}, Y: []float64{nan, 1}, Colors: scale},
		"few values":     {X: []float64{0, 1, 2}, Y: []float64{0, 1, 2}, Values: [][]float64{{1}}, Colors: scale},
		"huge values":    {X: []float64{0, 1}, Y: []float64{0, 1}, Values: [][]float64{{inf}}, Colors: scale},
		"picture":        {X: []float64{0, 1, 2}, Y: []float64{0, 1}, Values: [][]float64{{1}, {nan}}, Colors: scale, Picture: true},
	}
	for name, cells := range tests {
		for _, log := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, log %v", name, log), func(t *testing.T) {
				figure := &plot.Figure{Panels: []plot.Panel{{X: plot.Axis{Log: log}, Cells: []plot.Cells{cells}, Bare: cells.Picture}}}
				vegalite.Of(t, figure)
				if _, err := figure.PNG(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// Where the name of the y axis is as long as the panel is wide, the key of the colours stands above it, and the picture has room for it.
func TestKeyBesideALongName(t *testing.T) {
	type keyed struct {
		Layer []struct {
			Mark struct {
				Type string
				Y2   float64
			}
		}
	}
	lowest := func(label string) (y2 float64, height int) {
		f := phases()
		f.Columns = 2
		f.Panels[0].Y.Label = label
		f.Panels = append(f.Panels, f.Panels[0])
		var spec struct{ Concat []keyed }
		if err := json.Unmarshal(vegalite.Of(t, f), &spec); err != nil {
			t.Fatal(err)
		}
		picture, err := f.PNG()
		if err != nil {
			t.Fatal(err)
		}
		config, err := png.DecodeConfig(bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range spec.Concat[0].Layer {
			if layer.Mark.Type == "rect" {
				return layer.Mark.Y2, config.Height
			}
		}
		t.Fatalf("no key beside %q", label)
		return 0, 0
	}
	beside, low := lowest("std")
	above, high := lowest("standard deviation of the initial weights of all hidden layers")
	if letter := 11.0; above > beside-letter || high < low+int(letter) {
		t.Errorf("beside a long name the key ends at %v of the panel in a picture of %d dots, beside a short one at %v of %d", above, high, beside, low)
	}
}
