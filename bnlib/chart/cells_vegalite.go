package chart

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"math"
)

// vegaLite returns the layers of the cells, with their key, in a plotting area of the given width.
func (g cellGrid) vegaLite(x, y object, p *pane, width float64) ([]any, error) {
	var layers []any
	if g.Picture {
		picture, err := g.pictureLayer()
		if err != nil {
			return nil, err
		}
		layers = append(layers, picture)
	} else {
		layers = append(layers, g.rectLayer(x, y, p))
	}
	if g.key {
		layers = append(layers, g.keyLayers(width)...)
	}
	return layers, nil
}

// rectLayer keeps a value as a whole number of units, which takes four bytes, and a column's values in one list: thousands of
// cells as objects would fill a notebook.
func (g cellGrid) rectLayer(x, y object, p *pane) object {
	unit := g.unit()
	rows := make([]any, g.columns)
	for i, column := range g.Values {
		values := make([]any, g.rows)
		for k, v := range column {
			values[k] = ""
			if !math.IsNaN(v) {
				values[k] = int(math.Round(v / unit))
			}
		}
		rows[i] = object{"x0": round(g.X[i]), "x1": round(g.X[i+1]), "v": values}
	}
	edges := make([]float64, len(g.Y))
	for k, e := range g.Y {
		edges[k] = round(e)
	}
	list := func(values any) string {
		out, err := json.Marshal(values)
		if err != nil {
			panic(err) // of numbers and words there is none
		}
		return string(out)
	}
	format := "format(datum.value, '.3~g')"
	if g.Colors.Percent {
		format = "format(100 * datum.value, '.3~g') + '%'"
	}
	place := "format(datum.y0, '.3~g') + ' to ' + format(datum.y1, '.3~g')"
	if g.RowNames != nil {
		place = list(g.RowNames) + "[datum.row - 1]"
	}
	calculate := func(as, expr string) object { return object{"calculate": expr, "as": as} }
	return object{
		"data": object{"values": rows},
		"transform": []any{
			object{"flatten": []string{"v"}},
			object{"window": []any{object{"op": "row_number", "as": "row"}}, "groupby": []string{"x0"}},
			calculate("y0", list(edges[:g.rows])+"[datum.row - 1]"),
			calculate("y1", list(edges[1:])+"[datum.row - 1]"),
			calculate("value", fmt.Sprintf("isNumber(datum.v) ? datum.v * %v : NaN", unit)),
			calculate("color", fmt.Sprintf("isNumber(datum.v) ? %s[%s] : '%s'", list(g.Colors.colors()), g.Colors.levelExpr("datum.value"), missing)),
			calculate("text", fmt.Sprintf("isNumber(datum.v) ? %s : 'not known'", format)),
			calculate("column", "format(datum.x0, '.4~g') + ' to ' + format(datum.x1, '.4~g')"),
			calculate("place", place),
		},
		"mark": object{"type": "rect", "fill": object{"expr": "datum.color"}, "clip": true},
		"encoding": object{
			"x": with(x, "field", "x0"), "x2": object{"field": "x1"}, "y": with(y, "field", "y0"), "y2": object{"field": "y1"},
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

func with(o object, key string, value any) object {
	out := object{key: value}
	for k, v := range o {
		if k != key {
			out[k] = v
		}
	}
	return out
}

func (g cellGrid) pictureLayer() (object, error) {
	// As many dots as a dense screen has, so that nothing is smoothed.
	var out bytes.Buffer
	if err := png.Encode(&out, g.image(max(1, int(2*g.side)))); err != nil {
		return nil, err
	}
	return object{
		"data": object{"values": []any{object{}}},
		"mark": object{
			"type": "image", "url": "data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes()),
			"x": 0, "y": 0, "width": g.side * float64(g.columns), "height": g.side * float64(g.rows),
			"align": "left", "baseline": "top",
		},
		"encoding": object{},
	}, nil
}

// keyLayers are the bar of colours and its limits above the right end of the plotting area.
func (g cellGrid) keyLayers(width float64) []any {
	if g.Picture {
		width = g.side * float64(g.columns)
	}
	colors, err := json.Marshal(g.Colors.colors())
	if err != nil {
		panic(err) // of words there is none
	}
	right := textWidth(g.high, labelSize, false) + keyGap
	step := keyWidth / colorLevels
	words := func(text string, x float64) object {
		return object{
			"data":     object{"values": []any{object{}}},
			"mark":     object{"type": "text", "text": text, "align": "right", "baseline": "bottom", "color": quiet, "x": x, "y": -headingGap, "clip": false},
			"encoding": object{},
		}
	}
	return []any{
		object{
			"data": object{"sequence": object{"start": 0, "stop": colorLevels, "as": "level"}},
			"mark": object{
				"type": "rect", "fill": object{"expr": string(colors) + "[datum.level]"}, "clip": false,
				"x":  object{"expr": fmt.Sprintf("%.1f + %v * datum.level", width-right-keyWidth, step)},
				"x2": object{"expr": fmt.Sprintf("%.1f + %v * (datum.level + 1) + 0.2", width-right-keyWidth, step)},
				"y":  -headingGap - keyHeight - 2, "y2": -headingGap - 2,
			},
			"encoding": object{"tooltip": object{"value": g.Name + ", " + g.low + " to " + g.high}},
		},
		words(g.high, width),
		words(g.low, width-right-keyWidth-keyGap),
	}
}

// headingLayer writes what stands above a panel without axes.
func (p *pane) headingLayer() object {
	return object{
		"data":     object{"values": []any{object{}}},
		"mark":     object{"type": "text", "text": p.y.label, "align": "left", "baseline": "bottom", "color": quiet, "x": 0, "y": -headingGap, "clip": false},
		"encoding": object{},
	}
}
