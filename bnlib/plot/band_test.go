package plot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math"
	"strconv"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
)

// banded is a figure of one curve with one band, which breaks at x = 2 and has nothing around it at x = 5.
func banded(log bool) *plot.Figure {
	nan := math.NaN()
	return &plot.Figure{Panels: []plot.Panel{{
		Y: plot.Axis{Log: log},
		Series: []plot.Series{{
			Name: "a", Style: plot.Blue,
			X: []float64{0, 1, 2, 3, 4, 5, 6}, Y: []float64{2, 2, 2, 2, nan, 2, nan},
			Bands: []plot.Band{{
				Note: "range",
				Low:  []float64{1, 1, nan, 1, nan, 1, math.Inf(1)},
				High: []float64{3, 4, 3, 3, 3, 3, 3},
			}},
		}},
	}}}
}

func TestBandBreaksWhereItIsNotKnown(t *testing.T) {
	for _, log := range []bool{false, true} {
		got := rows(t, banded(log))
		for i, known := range []bool{true, true, false, true, false, true, false} {
			row := got[i]
			if low, high := row["c2"], row["c3"]; (low != "") != known || (high != "") != known {
				t.Errorf("log %v: at x = %d the band is %q to %q, want one: %v", log, i, low, high, known)
			}
		}
	}
}

func TestBandIsDrawnBetweenItsCurves(t *testing.T) {
	f := banded(false)
	pale := pixels(t, f)
	f.Panels[0].Series[0].Bands = nil
	f.Panels[0].Y.Min, f.Panels[0].Y.Max = 0.85, 4.15 // as the band makes them
	none := pixels(t, f)
	drawn, left, right := 0, math.MaxInt, 0
	bounds := pale.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := pale.At(x, y).RGBA()
			r0, g0, b0, _ := none.At(x, y).RGBA()
			if blue := int(b) - int(r) - int(b0) + int(r0); blue > 5000 && int(g)-int(g0) < 0 {
				drawn++
				left, right = min(left, x), max(right, x)
			}
		}
	}
	// From 0 to 1 a wedge of height 2 to 3 of 3.3, over a sixth of the width, and two bars at 3 and 5.
	whole := float64(bounds.Dx() * bounds.Dy())
	if share := float64(drawn) / whole; share < 0.05 || share > 0.14 {
		t.Errorf("a band changes %.3f of all pixels", share)
	}
	if width := float64(right-left) / float64(bounds.Dx()); width < 0.7 || width > 0.9 {
		t.Errorf("a band reaches over %.2f of the width, want from x = 0 to 5 of 6", width)
	}
}

func pixels(t *testing.T, f *plot.Figure) image.Image {
	t.Helper()
	picture, err := f.PNG()
	if err != nil {
		t.Fatal(err)
	}
	out, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBandsAreAreasInVegaLite(t *testing.T) {
	raw := vegalite.Of(t, banded(true))
	areas := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, w := range v {
				walk(w)
			}
		case map[string]any:
			mark, _ := v["mark"].(map[string]any)
			if mark["type"] == "area" {
				areas++
				if got := fmt.Sprint(v["encoding"]); got != "map[y:map[field:low0 stack:false] y2:map[field:high0]]" {
					t.Errorf("area with %s", got)
				}
			}
			for _, w := range v {
				walk(w)
			}
		}
	}
	var spec any
	if err := json.Unmarshal(raw, &spec); err != nil {
		t.Fatal(err)
	}
	walk(spec)
	if areas != 1 {
		t.Errorf("%d areas, want 1", areas)
	}
	if !strings.Contains(string(raw), `\"a, range\": isFinite`) {
		t.Errorf("no tooltip names the band: %s", raw)
	}
}

func TestBandOnLogAxisEndsAtItsLowerEnd(t *testing.T) {
	f := banded(true)
	f.Panels[0].Series[0].Bands[0].Low[0] = 0
	text := rows(t, f)[0]["c2"]
	if low, err := strconv.ParseFloat(text, 64); err != nil || low <= 0 || low > 1 {
		t.Errorf("a band from 0 is drawn from %q on a log axis, want its lower end", text)
	}
}
