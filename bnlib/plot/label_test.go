package plot_test

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
)

// A label is a white disc on whatever lies beneath it; outside the axes there is none.
func TestLabels(t *testing.T) {
	cells := plot.Cells{X: []float64{0, 1}, Y: []float64{0, 1}, Values: [][]float64{{0}}, Colors: plot.ColorScale{Stops: []string{"#102030", "#f0e0d0"}, Max: 1}}
	white := func(labels ...plot.Label) (pixels int) {
		raw, err := (&plot.Figure{Panels: []plot.Panel{{Cells: []plot.Cells{cells}, Labels: labels}}}).PNG()
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
			for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
				if r, g, b, _ := img.At(x, y).RGBA(); fmt.Sprintf("%02x%02x%02x", r>>8, g>>8, b>>8) == "ffffff" {
					pixels++
				}
			}
		}
		return pixels
	}
	none := white()
	// The disc inside its ring, of radius 5.8 CSS pixels, two dots to each, less the letter.
	if got, area := white(plot.Label{X: .5, Y: .5, Text: "1"})-none, math.Pi*11.6*11.6; float64(got) < 0.6*area || float64(got) > area {
		t.Errorf("a label has %d white dots, of a disc of %.0f", got, area)
	}
	for _, l := range []plot.Label{{X: 2, Y: .5}, {X: .5, Y: -1}, {X: math.NaN(), Y: .5}, {X: .5, Y: math.Inf(1)}} {
		if got := white(l); got != none {
			t.Errorf("%+v, outside the axes, has changed %d dots", l, got-none)
		}
	}
}

// Who points at a label reads its detail, or its text; who points at a cell, its note, also where notes are few or odd.
func TestLabelsAndNotes(t *testing.T) {
	cells := plot.Cells{
		X: []float64{0, 1, 2}, Y: []float64{0, 1, 2}, Values: [][]float64{{.1, .2}, {.3, .4}}, Name: "share", NoteName: "and",
		Notes: [][]string{{"first", "a|b"}}, ColumnNames: []string{"left", "right"}, RowNames: []string{"low", "high"},
		Colors: plot.ColorScale{Stops: []string{"#ffffff", "#000000"}, Max: 1},
	}
	figure := &plot.Figure{Panels: []plot.Panel{{Cells: []plot.Cells{cells}, Labels: []plot.Label{{X: 1, Y: 1, Text: "A", Detail: "what A is"}, {X: .5, Y: .5, Text: "B"}}}}}
	spec := string(vegalite.Of(t, figure))
	for _, want := range []string{`"detail":"what A is"`, `"detail":"B"`} {
		if !strings.Contains(spec, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	data := rows(t, figure)
	if len(data) != 2 || !strings.Contains(fmt.Sprint(data[0]), "first|a/b") || !strings.Contains(fmt.Sprint(data[1]), ":| ") && !strings.Contains(fmt.Sprint(data[1]), ":|]") {
		t.Errorf("data %v, want a column of notes", data)
	}
	if !strings.Contains(fmt.Sprint(data[1]), "right") {
		t.Errorf("data %v, want a column of names", data)
	}
}
