package plot

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
)

// rectLayer keeps a column's values in one cell of the data, each a whole number of units, and none for 0: thousands of values as
// numbers of their own would fill a notebook.
func (g cellGrid) rectLayer(p *pane, data *dataSets) object {
	unit := g.unit()
	packed := func(column []float64) string {
		words := make([]string, len(column))
		for k, v := range column {
			if n := math.Round(v / unit); math.IsNaN(v) {
				words[k] = "-"
			} else if n != 0 {
				words[k] = fmt.Sprintf("%.0f", n)
			}
		}
		return strings.Join(words, " ")
	}
	t := data.about("x", cellsOf(g.X[:g.columns], cell))
	right, values := t.column(cellsOf(g.X[1:], cell)), t.column(cellsOf(g.Values, packed))
	edges := make([]float64, len(g.Y))
	for k, e := range g.Y {
		edges[k] = round(e)
	}
	format := "format(datum.value, '.3~g')"
	if g.Colors.Percent {
		format = "format(100 * datum.value, '.3~g') + '%'"
	}
	place := "format(datum.y, '.3~g') + ' to ' + format(datum.top, '.3~g')"
	if g.RowNames != nil {
		place = literal(g.RowNames) + "[datum.row]"
	}
	calculate := func(as, expr string) object { return object{"calculate": expr, "as": as} }
	return object{
		"data": t.source("x", right),
		"transform": []any{
			calculate("row", fmt.Sprintf("sequence(%d)", g.rows)),
			calculate("v", "split(datum."+values+", ' ')"),
			object{"flatten": []string{"row", "v"}},
			calculate("y", literal(edges)+"[datum.row]"),
			calculate("top", literal(edges)+"[datum.row + 1]"),
			calculate("value", fmt.Sprintf("datum.v === '-' ? NaN : datum.v * %v", unit)),
			calculate("color", fmt.Sprintf("isNaN(datum.value) ? '%s' : %s[%s]", missing, literal(g.Colors.colors()), g.Colors.levelExpr("datum.value"))),
			calculate("text", fmt.Sprintf("isNaN(datum.value) ? 'not known' : %s", format)),
			calculate("column", fmt.Sprintf("format(datum.x, '.4~g') + ' to ' + format(datum.%s, '.4~g')", right)),
			calculate("place", place),
		},
		"mark": object{"type": "rect", "fill": field("color"), "clip": true},
		"encoding": object{
			"x2": object{"field": right}, "y2": object{"field": "top"},
			"tooltip": []any{
				object{"field": "column", "type": "nominal", "title": p.x.label},
				object{"field": "place", "type": "nominal", "title": p.y.label},
				object{"field": "text", "type": "nominal", "title": g.Name},
			},
		},
	}
}

// unit is a power of ten of which the scale's limits are a thousand or more.
func (g cellGrid) unit() float64 {
	largest := max(math.Abs(g.Colors.Min), math.Abs(g.Colors.Max))
	if largest < 1/huge {
		return 1
	}
	return round(math.Pow(10, math.Floor(math.Log10(largest))-3))
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
	if g.Picture {
		width = g.side * float64(g.columns)
	}
	right := textWidth(g.high, labelSize, false) + keyGap
	step := keyWidth / colorLevels
	limit := func(text string, x float64) object {
		return words(text, object{"align": "right", "baseline": "bottom", "x": x, "y": -headingGap, "clip": false})
	}
	return []any{
		object{
			"data": object{"sequence": object{"start": 0, "stop": colorLevels, "as": "level"}},
			"mark": object{
				"type": "rect", "fill": choose(g.Colors.colors(), "level", 0), "clip": false,
				"x":  object{"expr": fmt.Sprintf("%.1f + %v * datum.level", width-right-keyWidth, step)},
				"x2": object{"expr": fmt.Sprintf("%.1f + %v * (datum.level + 1) + 0.2", width-right-keyWidth, step)},
				"y":  -headingGap - keyHeight - 2, "y2": -headingGap - 2,
			},
			"encoding": object{"tooltip": object{"value": g.Name + ", " + g.low + " to " + g.high}},
		},
		limit(g.high, width),
		limit(g.low, width-right-keyWidth-keyGap),
	}
}
