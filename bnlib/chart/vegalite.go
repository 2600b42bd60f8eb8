package chart

import (
	"encoding/json"
	"fmt"
	"math"
)

// Hint says what a reader can do with the Vega-Lite rendering of a figure of curves.
const Hint = "Point at a curve for its values. Drag to move along the steps, Ctrl + wheel or pinch to zoom, double-click to go back. Click a name in the legend to highlight it, Shift-click for several."

const cellHint = "Point at a cell or a dot for its value."

// hint says what a reader can do with this figure.
func (s *sheet) hint() string {
	for _, p := range s.panels {
		if len(p.curves) > 0 {
			return Hint
		}
	}
	return cellHint
}

type object = map[string]any

// VegaLite renders f as a Vega-Lite 5 specification: self-contained, all data within, nothing to load. It holds no null, which
// the Go kernel's protocol has no word for.
func (f *Figure) VegaLite() ([]byte, error) {
	spec, err := f.layout().vegaLite()
	if err != nil {
		return nil, err
	}
	return json.Marshal(spec)
}

func (s *sheet) vegaLite() (object, error) {
	var pointed, main []string // names of the views that selections listen to
	panels := make([]any, len(s.panels))
	for i, p := range s.panels {
		view, err := p.vegaLite(i, s)
		if err != nil {
			return nil, err
		}
		panels[i] = view
		if len(p.curves) > 0 && p.empty == "" {
			pointed = append(pointed, fmt.Sprintf("points%d", i))
			main = append(main, fmt.Sprintf("curves%d", i))
		}
	}
	spec := object{
		"$schema":     "https://vega.github.io/schema/vega-lite/v5.json",
		"description": s.hint(),
		"background":  paper,
		"padding":     8,
		"concat":      panels,
		"columns":     s.columns,
		"spacing":     26,
		"config": object{
			"font":   "Liberation Sans, Arial, Helvetica, sans-serif",
			"view":   object{"stroke": "transparent"},
			"legend": object{"labelFontSize": labelSize, "labelColor": ink, "symbolSize": legendSample * legendSample, "symbolStrokeWidth": lineWidth, "labelLimit": 0},
			"axis": object{
				"labelFontSize": tickSize, "titleFontSize": labelSize, "titleFontWeight": "normal",
				"labelColor": quiet, "titleColor": quiet, "gridColor": grid, "domainColor": quiet, "tickColor": quiet,
			},
			"text": object{"fontSize": labelSize},
		},
	}
	if len(s.title) > 0 {
		title := object{
			"text": s.title, "anchor": "start", "fontSize": titleSize, "color": ink, "offset": 10,
			"subtitleFontSize": subtitleSize, "subtitleColor": quiet, "subtitlePadding": 4,
		}
		if len(s.subtitle) > 0 {
			title["subtitle"] = s.subtitle
		}
		spec["title"] = title
	}
	if len(main) > 0 {
		spec["params"] = []any{
			object{"name": "pointed", "views": pointed, "select": object{
				"type": "point", "fields": []string{"x"}, "nearest": true, "on": "pointermove", "clear": "pointerout",
			}},
			// Without a modifier the wheel scrolls the notebook past the figure.
			object{"name": "zoom", "views": main, "bind": "scales", "select": object{
				"type": "interval", "encodings": []string{"x"}, "zoom": "wheel![event.ctrlKey || event.metaKey || event.altKey]",
			}},
			object{"name": "picked", "views": main, "bind": "legend", "select": object{
				"type": "point", "fields": []string{"name"},
			}},
		}
	}
	return spec, nil
}

func (p *pane) vegaLite(index int, s *sheet) (object, error) {
	view := object{"width": s.width - p.left(), "height": s.height}
	if s.titled {
		view["title"] = object{
			"text": p.title, "anchor": "start", "frame": "group", "fontSize": paneTitle, "color": ink, "offset": 4,
		}
	}
	x := object{"field": "x", "type": "quantitative", "scale": p.x.vegaLite(), "axis": object{
		"title": p.x.label, "format": "~f", "grid": true, "tickCount": len(p.x.ticks), "labelFlush": false, "labelOverlap": "greedy",
	}}
	if p.x.whole && p.x.max-p.x.min < 20 { // else Vega puts ticks between whole numbers; Vega-Lite ignores a tickMinStep
		x["axis"].(object)["values"] = p.x.ticks
	}
	y := object{"field": "y", "type": "quantitative", "scale": p.y.vegaLite(), "axis": object{
		"title": p.y.label, "titleAngle": 0, "titleAlign": "left", "titleBaseline": "bottom", "titleX": 0, "titleY": -headingGap,
		"format": "~f", "grid": true, "values": p.y.ticks, "domain": false, "ticks": false, "labelPadding": 6, "labelOverlap": false,
	}}
	if p.x.log {
		x["axis"].(object)["values"], x["axis"].(object)["labelExpr"] = p.x.ticks, labelExpr
	}
	if p.y.log {
		y["axis"].(object)["labelExpr"] = labelExpr
	} else if p.y.large() {
		y["axis"].(object)["labelExpr"] = largeLabelExpr
	}
	if p.x.names != nil {
		x["axis"].(object)["values"], x["axis"].(object)["labelExpr"] = p.x.ticks, p.x.nameExpr()
	}
	if p.y.names != nil {
		y["axis"].(object)["labelExpr"] = p.y.nameExpr()
	}
	if len(p.cells) > 0 {
		// Edges at whole pixels leave no seams.
		x["scale"].(object)["round"], y["scale"].(object)["round"] = true, true
	}
	if p.empty != "" {
		view["layer"] = []any{object{
			"data": object{"values": []any{object{"x": p.x.min, "y": p.y.min}}},
			"mark": object{"type": "point", "opacity": 0}, "encoding": object{"x": x, "y": y},
		}, object{
			"data": object{"values": []any{object{}}},
			"mark": object{
				"type": "text", "text": p.empty, "color": quiet, "x": (s.width - p.left()) / 2, "y": s.height / 2,
			},
			"encoding": object{},
		}}
		return view, nil
	}

	var layers []any
	if p.bare {
		layers = append(layers, p.headingLayer())
	}
	for _, g := range p.cells {
		cells, err := g.vegaLite(x, y, p, s.width-p.left())
		if err != nil {
			return nil, err
		}
		layers = append(layers, cells...)
	}
	if len(p.rules) > 0 {
		layers = append(layers, p.ruleLayers(y)...)
	}
	if len(p.curves) > 0 {
		view["data"] = object{"values": p.rows()}
		layers = append(layers, p.curveLayers(index, x, y, s.legend, len(s.columnWidths))...)
	}
	if len(p.scatters) > 0 {
		layers = append(layers, p.vegaLiteScatter(x, y, s.legend, len(s.columnWidths)))
	}
	if len(p.marks) > 0 {
		layers = append(layers, p.markLayers(x, y)...)
	}
	view["layer"] = layers
	return view, nil
}

func (s scale) vegaLite() object {
	out := object{"type": "linear", "domain": []float64{s.min, s.max}, "nice": false}
	if s.log {
		out["type"] = "log"
	} else {
		out["zero"] = false
	}
	return out
}

// rows are the points of all curves. A gap is a point without a y.
func (p *pane) rows() []any {
	var rows []any
	for i, c := range p.curves {
		for k, q := range c.points {
			row := object{"x": q.x, "name": c.name, "curve": fmt.Sprint(i)}
			if !math.IsNaN(q.y) {
				row["y"] = q.y
			}
			if c.faint {
				row["faint"] = true
			}
			if q.alone {
				row["alone"] = true
			}
			c.addEdges(row, k)
			rows = append(rows, row)
		}
	}
	if rows == nil {
		rows = []any{}
	}
	return rows
}

// within keeps what lies within the steps zoomed into. Unlike clipping it leaves whole what sits on the edge.
var within = object{"filter": "!isArray(zoom.x) || inrange(datum.x, zoom.x)"}

func (p *pane) curveLayers(index int, x, y object, legend []entry, columns int) []any {
	names, colors, dashes := []string{}, []string{}, [][]float64{}
	for _, e := range legend {
		names, colors, dashes = append(names, e.name), append(colors, e.style.Color), append(dashes, append([]float64{}, e.style.Dash...))
	}
	key := object{"title": "", "orient": "top", "direction": "horizontal", "symbolType": "stroke", "offset": 14, "columnPadding": legendGap, "columns": columns}
	color := object{"field": "name", "type": "nominal", "scale": object{"domain": names, "range": colors}, "legend": key}
	dash := object{"field": "name", "type": "nominal", "scale": object{"domain": names, "range": dashes}, "legend": key}
	picked := object{"condition": object{"param": "picked", "value": 1}, "value": 0.1}
	lines := func(faint bool) object {
		mark := object{"type": "line", "clip": true, "strokeWidth": lineWidth, "strokeJoin": "round"}
		keep := "!datum.faint"
		if faint {
			mark["strokeWidth"], mark["strokeOpacity"] = faintWidth, faintOpacity
			keep = "datum.faint"
		}
		encoding := object{"x": x, "y": y, "color": color, "detail": object{"field": "curve"}, "opacity": picked}
		if !faint {
			encoding["strokeDash"] = dash
		}
		return object{"transform": []any{object{"filter": keep}}, "mark": mark, "encoding": encoding}
	}
	layers := p.bandLayers(x, y, color, picked)
	var faint, alone bool
	for _, c := range p.curves {
		faint = faint || c.faint
		for _, q := range c.points {
			alone = alone || q.alone
		}
	}
	if faint {
		layers = append(layers, lines(true))
	}
	curves := lines(false)
	curves["name"] = fmt.Sprintf("curves%d", index)
	layers = append(layers, curves)
	dots := func(filter any) object {
		return object{
			"transform": []any{object{"filter": filter}, within},
			"mark":      object{"type": "point", "filled": true, "size": 40, "clip": false},
			"encoding":  object{"x": x, "y": y, "color": color, "opacity": picked},
		}
	}
	if alone {
		layers = append(layers, dots("datum.alone"))
	}

	// A vertical rule follows the pointer from one recorded step to the next and carries the values of all curves there.
	pivot := []any{object{"pivot": "curve", "value": "y", "groupby": []string{"x"}, "op": "max"}}
	if p.mostBands() > 0 {
		pivot = p.bandPivot()
	}
	tooltip := []any{object{"field": "x", "type": "quantitative", "title": p.x.label, "format": "~g"}}
	for _, faint := range []bool{false, true} {
		for i, c := range p.curves {
			if c.faint != faint {
				continue
			}
			title := c.name
			if c.note != "" {
				title += ", " + c.note
			}
			value, text := fmt.Sprintf("datum['%d']", i), fmt.Sprintf("text%d", i)
			pivot = append(pivot, object{"calculate": fmt.Sprintf("isValid(%s) ? format(%s, '.4g') : '–'", value, value), "as": text})
			tooltip = append(tooltip, object{"field": text, "type": "nominal", "title": title})
			transforms, entries := p.bandTooltip(i)
			pivot, tooltip = append(pivot, transforms...), append(tooltip, entries...)
		}
	}
	layers = append(layers,
		dots(object{"param": "pointed", "empty": false}),
		object{
			"name":      fmt.Sprintf("points%d", index),
			"transform": pivot,
			"mark":      object{"type": "rule", "color": quiet, "clip": true},
			"encoding": object{
				"x": x, "tooltip": tooltip,
				"opacity": object{"condition": object{"param": "pointed", "empty": false, "value": 0.6}, "value": 0},
			},
		})
	return layers
}

func (p *pane) markLayers(x, y object) []any {
	rows := make([]any, len(p.marks))
	for i, m := range p.marks {
		row := object{"x": m.X, "y": m.Y, "text": m.Text, "detail": m.Detail, "color": m.Color, "dx": wordGap, "dy": -m.dy, "align": "left"}
		if m.left {
			row["dx"], row["align"] = -wordGap, "right"
		}
		rows[i] = row
	}
	tooltip := object{"field": "detail", "type": "nominal"}
	transform := []any{}
	if len(p.curves) > 0 {
		transform = append(transform, within)
	}
	of := func(name string) object { return object{"expr": "datum." + name} }
	return []any{object{
		"data": object{"values": rows}, "transform": transform,
		"mark":     object{"type": "point", "shape": "M-1,-1L1,1M-1,1L1,-1", "size": 90, "strokeWidth": 2.2, "opacity": 1, "clip": false, "color": of("color")},
		"encoding": object{"x": x, "y": y, "tooltip": tooltip},
	}, object{
		"data": object{"values": rows}, "transform": transform,
		"mark":     object{"type": "text", "align": of("align"), "baseline": "middle", "dx": of("dx"), "dy": of("dy"), "clip": false, "color": of("color")},
		"encoding": object{"x": x, "y": y, "text": object{"field": "text"}, "tooltip": tooltip},
	}}
}

func (p *pane) ruleLayers(y object) []any {
	var rows []any
	for _, r := range p.rules {
		row := object{"y": r.Y, "text": r.Text, "color": r.Color}
		if r.Color == "" {
			row["color"] = quiet
		}
		rows = append(rows, row)
	}
	data := object{"values": rows}
	color := object{"expr": "datum.color"}
	return []any{
		object{
			"data": data, "mark": object{"type": "rule", "strokeDash": []float64{2, 3}, "strokeWidth": 1, "color": color},
			"encoding": object{"y": y},
		},
		object{
			"data": data, "mark": object{"type": "text", "align": "right", "dx": -4, "dy": 9, "color": color},
			"encoding": object{
				"x": object{"value": "width"}, "y": y, "text": object{"field": "text"},
			},
		},
	}
}
