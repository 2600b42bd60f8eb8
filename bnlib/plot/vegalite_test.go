package plot_test

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/vegalite"
	"batchnorm/bnlib/plot"
)

// rows returns the rows of a figure's only data set.
func rows(t *testing.T, f *plot.Figure) []map[string]string {
	t.Helper()
	tables, err := vegalite.Tables(vegalite.Of(t, f))
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 1 {
		t.Fatalf("%d data sets, want 1", len(tables))
	}
	return tables["data0"]
}

// Panels share what they have in common, and no number has more than five significant digits.
func TestDataAreThereOnce(t *testing.T) {
	x, y, z := []float64{0, 500, 1000}, []float64{1. / 3, 2. / 3, 1}, []float64{3, 12345.67, 5}
	f := &plot.Figure{Panels: []plot.Panel{
		{Series: []plot.Series{{Name: "a", X: x, Y: y}, {Name: "b", X: x, Y: z}}},
		{Series: []plot.Series{{Name: "a", X: x, Y: y}}, Y: plot.Axis{Log: true}},
	}}
	got := rows(t, f)
	want := []map[string]string{
		{"x": "0", "c1": "0.33333", "c2": "3"}, {"x": "500", "c1": "0.66667", "c2": "12346"}, {"x": "1000", "c1": "1", "c2": "5"},
	}
	for i := range want {
		if len(got) != len(want) || !maps.Equal(got[i], want[i]) {
			t.Errorf("rows %v, want %v", got, want)
		}
	}
}

// A curve breaks at a value that is not a number, and goes on over an x at which only another curve has a point.
func TestGapsAndHoles(t *testing.T) {
	f := &plot.Figure{Panels: []plot.Panel{{Series: []plot.Series{
		{Name: "a", X: []float64{0, 1, 2}, Y: []float64{1, math.NaN(), 3}},
		{Name: "b", X: []float64{0, 2}, Y: []float64{5, 6}},
	}}}}
	got := rows(t, f)
	if got[1]["c1"] != "" || got[1]["c2"] != "-" {
		t.Errorf("at x = 1 %v, want nothing of a and a dash of b", got[1])
	}
}

// What the reader points at in curves is a region around a row of the data, whose datum has the row as its datum.
func TestTooltipsReadTheRow(t *testing.T) {
	f := &plot.Figure{Panels: []plot.Panel{{X: plot.Axis{Label: "step"}, Series: []plot.Series{{Name: "a", X: []float64{0, 1}, Y: []float64{2, 3}}}}}}
	spec := string(vegalite.Of(t, f))
	for _, want := range []string{`\"step\": format((datum.datum || datum).x, '~g')`, `format((datum.datum || datum).c1, '.4g')`} {
		if !strings.Contains(spec, want) {
			t.Errorf("no %s in %s", want, spec)
		}
	}
}

// Two series of one name and different styles are two entries of the legend: what is drawn follows the style alone.
func TestLegendHasNameAndStyle(t *testing.T) {
	x := []float64{0, 1}
	f := &plot.Figure{Panels: []plot.Panel{{Series: []plot.Series{
		{Name: "a", Style: plot.Blue, X: x, Y: x}, {Name: "a", Style: plot.Orange, X: x, Y: []float64{1, 2}}, {Name: "a", Style: plot.Blue, X: x, Y: []float64{2, 3}},
	}}}}
	spec := string(vegalite.Of(t, f))
	for _, want := range []string{`"range":["#1f6fb4","#e8710a"]`, `"range":[[],[6,3]]`, `[1,2,1][datum.curve]`, `[\"a\",\"a\"][datum.value - 1]`} {
		if !strings.Contains(spec, want) {
			t.Errorf("no %s in %s", want, spec)
		}
	}
}

// A series without a name has its style too, and no entry in the legend.
func TestUnnamedSeriesHasItsStyle(t *testing.T) {
	x := []float64{0, 1}
	f := &plot.Figure{Panels: []plot.Panel{{Series: []plot.Series{{Style: plot.Blue, X: x, Y: x}, {Name: "a", Style: plot.Orange, X: x, Y: []float64{1, 2}}}}}}
	spec := string(vegalite.Of(t, f))
	for _, want := range []string{`"range":["#1f6fb4","#e8710a"]`, `"values":[2]`, `[1,2][datum.curve]`} {
		if !strings.Contains(spec, want) {
			t.Errorf("no %s in %s", want, spec)
		}
	}
}

// Variants are told apart in grey by their dashes: none is solid, as Blue is, and no two are the same.
func TestVariantsDifferInDashes(t *testing.T) {
	seen := map[string]bool{fmt.Sprint(plot.Blue.Dash): true, fmt.Sprint(plot.Orange.Dash): true}
	for i := range 8 {
		dash := fmt.Sprint(plot.Variant(i).Dash)
		if seen[dash] {
			t.Errorf("variant %d has the dashes %s of another style", i, dash)
		}
		seen[dash] = true
	}
}
