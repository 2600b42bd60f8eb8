package plot

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
)

const (
	cellDigits = "0123456789abcdefghijklmnopqrstuvwxyz"
	cellSteps  = 36*36 - 1
	noCell     = "--"
)

// pack writes values as two digits each, base 36, from the least of the grid to the greatest, evenly spaced as the colours are.
// Thousands of values as numbers would fill a notebook.
func (g cellGrid) pack(low, high float64) func(column []float64) string {
	return func(column []float64) string {
		var out strings.Builder
		for _, v := range column {
			if math.IsNaN(v) {
				out.WriteString(noCell)
				continue
			}
			t := 0.
			if high > low {
				t = (v - low) / (high - low)
			}
			if g.Colors.Root {
				t = math.Sqrt(t)
			}
			n := int(math.Round(t * cellSteps))
			out.WriteByte(cellDigits[n/36])
			out.WriteByte(cellDigits[n%36])
		}
		return out.String()
	}
}

// unpackExpr reads what pack has written of a row.
func (g cellGrid) unpackExpr(column string, low, high float64) string {
	digit := func(k int) string {
		return fmt.Sprintf("indexof('%s', datum.%s[2 * datum.row + %d])", cellDigits, column, k)
	}
	t := fmt.Sprintf("(36 * %s + %s) / %d", digit(0), digit(1), cellSteps)
	if g.Colors.Root {
		t = fmt.Sprintf("pow(%s, 2)", t)
	}
	return fmt.Sprintf("%v + %v * %s", round(low), round(high-low), t)
}

func (g cellGrid) rectLayer(p *pane, data *dataSets) object {
	low, high := math.Inf(1), math.Inf(-1)
	for _, column := range g.Values {
		for _, v := range column {
			if finite(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	t := data.about("x", cellsOf(g.X[:g.columns], cell))
	right, values := t.column(cellsOf(g.X[1:], cell)), t.column(cellsOf(g.Values, g.pack(low, high)))
	edges := make([]float64, len(g.Y))
	for k, e := range g.Y {
		edges[k] = round(e)
	}
	unpack := "NaN"
	if low <= high {
		unpack = g.unpackExpr(values, low, high)
	}
	value := "format(datum.value, '.3~g')"
	if g.Colors.Percent {
		value = "format(100 * datum.value, '.3~g') + '%'"
	}
	place := "format(datum.y, '.3~g') + ' to ' + format(datum.top, '.3~g')"
	if g.RowNames != nil {
		place = literal(g.RowNames) + "[datum.row]"
	}
	lines := []said{
		{p.x.label, fmt.Sprintf("format(datum.x, '.4~g') + ' to ' + format(datum.%s, '.4~g')", right)},
		{p.y.label, place},
		{g.Name, fmt.Sprintf("isNaN(datum.value) ? 'not known' : %s", value)},
	}
	if g.ColumnNames != nil {
		lines[0].expr = "datum." + t.column(g.ColumnNames)
	}
	if notes := g.notes(); notes != nil {
		lines = append(lines, said{g.NoteName, fmt.Sprintf("split(datum.%s, '%s')[datum.row]", t.column(notes), noteEnd)})
	}
	calculate := func(as, expr string) object { return object{"calculate": expr, "as": as} }
	return object{
		"data": t.source(),
		"transform": []any{
			calculate("row", fmt.Sprintf("sequence(%d)", g.rows)),
			object{"flatten": []string{"row"}},
			calculate("edges", literal(edges)),
			calculate("y", "datum.edges[datum.row]"),
			calculate("top", "datum.edges[datum.row + 1]"),
			calculate("value", fmt.Sprintf("datum.%s[2 * datum.row] === '-' ? NaN : %s", values, unpack)),
		},
		"mark": object{
			"type": "rect", "clip": true,
			"fill":    object{"expr": fmt.Sprintf("isNaN(datum.value) ? '%s' : %s[%s]", missing, literal(g.Colors.colors()), g.Colors.levelExpr("datum.value"))},
			"tooltip": tooltip(lines...),
		},
		"encoding": object{"x2": object{"field": right}, "y2": object{"field": "top"}},
	}
}

// noteEnd stands between the notes of a column.
const noteEnd = "|"

// notes returns the notes of each column in one text, or nil if there are none.
func (g cellGrid) notes() []string {
	if len(g.Notes) == 0 {
		return nil
	}
	all := make([]string, g.columns)
	for i := range all {
		column := make([]string, g.rows)
		if i < len(g.Notes) {
			copy(column, g.Notes[i])
		}
		for k := range column {
			column[k] = strings.ReplaceAll(column[k], noteEnd, "/")
		}
		all[i] = strings.Join(column, noteEnd)
	}
	return all
}

func (g cellGrid) pictureLayer() (object, error) {
	picture, err := encode(g.image())
	if err != nil {
		return nil, err
	}
	return object{
		"data": object{"values": []any{object{}}},
		"mark": object{
			"type": "image", "url": "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture),
			"x": 0, "y": 0, "width": g.side * float64(g.columns), "height": g.side * float64(g.rows),
			"align": "left", "baseline": "top", "smooth": false,
		},
	}, nil
}

// keyLayers are the bar of colours and its limits above the right end of the plotting area.
func (g cellGrid) keyLayers(width float64) []any {
	width = g.across(width)
	right := textWidth(g.high, labelSize, false) + keyGap
	step := keyWidth / colorLevels
	limit := func(text string, x float64) object {
		return words(text, object{"align": "right", "baseline": "bottom", "x": x, "y": -headingGap - g.raised, "clip": false})
	}
	return []any{
		object{
			"data": object{"sequence": object{"start": 0, "stop": colorLevels, "as": "level"}},
			"mark": object{
				"type": "rect", "fill": choose(g.Colors.colors(), "level", 0), "clip": false,
				"x":  object{"expr": fmt.Sprintf("%.1f + %v * datum.level", width-right-keyWidth, step)},
				"x2": object{"expr": fmt.Sprintf("%.1f + %v * (datum.level + 1) + 0.2", width-right-keyWidth, step)},
				"y":  -headingGap - g.raised - keyHeight - 2, "y2": -headingGap - g.raised - 2,
			},
			"encoding": object{"tooltip": object{"value": g.Name + ", " + g.low + " to " + g.high}},
		},
		limit(g.high, width),
		limit(g.low, width-right-keyWidth-keyGap),
	}
}
