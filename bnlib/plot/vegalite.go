package plot

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Hint says what a reader can do with the Vega-Lite rendering of a figure of curves.
const Hint = "Point at a curve for its values. Drag to move along the steps, Ctrl + wheel or pinch to zoom, double-click to go back. Click a name in the legend to highlight it, Shift-click for several."

const fixedHint = "Point at a curve for its values. Click a name in the legend to highlight it, Shift-click for several."

const cellHint = "Point at a cell or a dot for its value."

// hint says what a reader can do with this figure.
func (s *sheet) hint() string {
	for _, p := range s.panels {
		if len(p.curves) > 0 && s.fixed {
			return fixedHint
		}
		if len(p.curves) > 0 {
			return Hint
		}
	}
	return cellHint
}

// description is what a screen reader says of the figure: what it shows first, then what can be done with it.
func (s *sheet) description() string {
	said := slices.Concat(s.title, s.subtitle)
	if len(said) == 0 {
		return s.hint()
	}
	return strings.TrimSuffix(strings.Join(said, " "), ".") + ". " + s.hint()
}

// fileName is what a figure is called where a reader saves it: the first words of its title.
func (s *sheet) fileName() string {
	words := strings.FieldsFunc(strings.ToLower(strings.Join(s.title, " ")), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if len(words) == 0 {
		return "figure"
	}
	return strings.Join(words[:min(len(words), 8)], "_")
}

type object = map[string]any

// VegaLite renders f as a Vega-Lite 5 specification: self-contained, all data within, nothing to load. It holds no null, which
// the Go kernel's protocol has no word for.
func (f *Figure) VegaLite() ([]byte, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	spec, err := f.layout().vegaLite()
	if err != nil {
		return nil, err
	}
	return json.Marshal(spec)
}

func (s *sheet) vegaLite() (object, error) {
	var data dataSets
	var pointed, main []string // names of the views that selections listen to
	panels := make([]any, len(s.panels))
	for i, p := range s.panels {
		first := len(main) == 0
		if len(p.curves) > 0 && p.empty == "" {
			pointed = append(pointed, fmt.Sprintf("points%d", i))
			main = append(main, fmt.Sprintf("curves%d", i))
		}
		view, err := p.vegaLite(i, s, &data, first)
		if err != nil {
			return nil, err
		}
		panels[i] = view
	}
	spec := object{
		"$schema":     "https://vega.github.io/schema/vega-lite/v5.json",
		"description": s.description(),
		"usermeta":    object{"embedOptions": object{"downloadFileName": s.fileName(), "scaleFactor": 2}},
		"background":  paper,
		"padding":     8,
		"datasets":    data.vegaLite(),
		"concat":      panels,
		"columns":     s.columns,
		"spacing":     spacing,
		"config": object{
			"font":   "Liberation Sans, Arial, Helvetica, sans-serif",
			"view":   object{"stroke": "transparent"},
			"legend": object{"labelFontSize": labelSize, "labelColor": Ink, "symbolSize": legendSample * legendSample, "symbolStrokeWidth": lineWidth, "labelLimit": 0},
			"axis": object{
				"labelFontSize": tickSize, "titleFontSize": labelSize, "titleFontWeight": "normal",
				"labelColor": quiet, "titleColor": quiet, "gridColor": grid, "domainColor": quiet, "tickColor": quiet,
				"grid": true, "format": "~f",
			},
			"axisX": object{"labelFlush": false, "labelOverlap": "greedy"},
			"axisY": object{
				"titleAngle": 0, "titleAlign": "left", "titleBaseline": "bottom", "titleX": 0, "titleY": -headingGap,
				"domain": false, "ticks": false, "labelPadding": 6, "labelOverlap": false,
			},
			"title": object{"anchor": "start", "color": Ink},
			"text":  object{"fontSize": labelSize},
		},
	}
	if len(s.title) > 0 {
		title := object{
			"text": s.title, "fontSize": titleSize, "offset": 10,
			"subtitleFontSize": subtitleSize, "subtitleColor": quiet, "subtitlePadding": 4,
		}
		if len(s.subtitle) > 0 {
			title["subtitle"] = s.subtitle
		}
		spec["title"] = title
	}
	if len(main) > 0 {
		params := []any{object{"name": "pointed", "views": pointed, "select": object{
			"type": "point", "fields": []string{"x"}, "nearest": true, "on": "pointermove", "clear": "pointerout",
		}}}
		if !s.fixed {
			// Without a modifier the wheel scrolls the notebook past the figure.
			params = append(params, object{"name": "zoom", "views": main, "bind": "scales", "select": object{
				"type": "interval", "encodings": []string{"x"}, "zoom": "wheel![event.ctrlKey || event.metaKey || event.altKey]",
			}})
		}
		spec["params"] = append(params, object{"name": "picked", "views": main[:1], "bind": "legend", "select": object{
			"type": "point", "fields": []string{"key"},
		}})
	}
	return spec, nil
}

// key is the number of a look in the data. It counts from 1, for Vega-Lite's legends take 0 for nothing.
func (s *sheet) key(name string, style Style) int {
	return 1 + slices.IndexFunc(s.looks, func(e entry) bool { return e.is(name, style) })
}

// colors are those of the keys.
func (s *sheet) colors() []string {
	colors := make([]string, len(s.looks))
	for i, e := range s.looks {
		colors[i] = e.style.Color
	}
	return colors
}

// encoded returns the encoding of a property of marks with a value for each key, which makes the legend: what it draws
// beside a name comes from these encodings.
func (s *sheet) encoded(values any, legend object) object {
	keys, names, named := make([]int, len(s.looks)), make([]string, len(s.looks)), []int{}
	for i, e := range s.looks {
		if keys[i], names[i] = i+1, e.name; e.name != "" {
			named = append(named, i+1)
		}
	}
	key := object{
		"title": "", "orient": "top", "direction": "horizontal", "offset": 14, "columnPadding": legendGap,
		"columns": len(s.columnWidths), "labelExpr": literal(names) + "[datum.value - 1]",
	}
	if len(named) < len(keys) {
		key["values"] = named
	}
	maps.Copy(key, legend)
	return object{"field": "key", "type": "nominal", "scale": object{"domain": keys, "range": values}, "legend": key}
}

// literal writes values into an expression.
func literal(values any) string {
	out, err := json.Marshal(values)
	if err != nil {
		panic(err) // of numbers and words there is none
	}
	return string(out)
}

// choose makes an expression that takes one of several values, the one that a field of the data says, counted from first.
func choose(values any, field string, first int) object {
	if first != 0 {
		field = fmt.Sprintf("%s - %d", field, first)
	}
	return object{"expr": fmt.Sprintf("%s[datum.%s]", literal(values), field)}
}

// said is a line of what a page shows where the reader points: a title, and an expression of a text.
type said struct{ title, expr string }

// tooltip makes one expression of all lines: as fields of the data they would take ten times the bytes.
func tooltip(lines ...said) object {
	entries, seen := make([]string, len(lines)), map[string]int{}
	for i, line := range lines {
		seen[line.title]++
		if n := seen[line.title]; n > 1 {
			line.title = fmt.Sprintf("%s (%d)", line.title, n)
		}
		entries[i] = literal(line.title) + ": " + line.expr
	}
	return object{"expr": "{" + strings.Join(entries, ", ") + "}"}
}

// vegaLite renders a panel. The first with curves has the legend of the figure.
func (p *pane) vegaLite(index int, s *sheet, data *dataSets, first bool) (object, error) {
	width := s.across(p)
	view := object{"width": width, "height": s.height}
	if s.titled {
		view["title"] = object{"text": p.title, "frame": "group", "fontSize": paneTitle, "offset": 4}
	}
	var placed, free []any // layers that are placed by the axes, and others
	group := object{}      // what those have in common
	switch {
	case p.empty != "":
		placed = append(placed, object{
			"data": object{"values": []any{object{"x": p.x.min, "y": p.y.min}}}, "mark": object{"type": "point", "opacity": 0},
		})
		free = append(free, words(p.empty, object{"x": width / 2, "y": s.height / 2}))
	default:
		if p.bare {
			free = append(free, words(p.y.label, object{"align": "left", "baseline": "bottom", "x": 0, "y": -headingGap, "clip": false}))
		}
		for _, g := range p.cells {
			if g.Picture {
				picture, err := g.pictureLayer()
				if err != nil {
					return nil, err
				}
				free = append(free, picture)
			} else {
				placed = append(placed, g.rectLayer(p, data))
			}
			if g.key {
				free = append(free, g.keyLayers(width)...)
			}
		}
		if len(p.rules) > 0 {
			placed = append(placed, p.ruleLayer())
		}
		if len(p.curves) > 0 {
			t, layers := p.curveLayers(index, s, data, first)
			group["data"] = t.source()
			if t.state != "" {
				group["transform"] = []any{object{"filter": fmt.Sprintf("toNumber(datum.%s) === at", t.state)}}
			}
			placed = append(placed, layers...)
		}
		if len(p.scatters) > 0 {
			placed = append(placed, p.scatterLayer(s, data))
		}
		if len(p.marks) > 0 {
			placed = append(placed, p.markLayer(s))
		}
		if len(p.labels) > 0 {
			placed = append(placed, p.labelLayer())
		}
	}
	if len(placed) > 0 {
		group["encoding"], group["layer"] = object{"x": p.xEncoding(), "y": p.yEncoding()}, placed
		if len(free) == 0 {
			maps.Copy(view, group)
			return view, nil
		}
		free = append([]any{group}, free...)
	}
	view["layer"] = free
	return view, nil
}

func (p *pane) xEncoding() object {
	axis := object{"title": p.x.label, "tickCount": len(p.x.ticks)}
	if p.x.whole && p.x.max-p.x.min < 20 { // else Vega puts ticks between whole numbers; Vega-Lite ignores a tickMinStep
		axis["values"] = object{"expr": literal(p.x.ticks)}
	}
	if p.x.log {
		axis["values"], axis["labelExpr"] = object{"expr": literal(p.x.ticks)}, labelExpr
	}
	if p.x.names != nil {
		axis["values"], axis["labelExpr"] = object{"expr": literal(p.x.ticks)}, p.x.nameExpr()
	}
	return object{"field": "x", "type": "quantitative", "scale": p.x.vegaLite(len(p.cells) > 0), "axis": axis}
}

func (p *pane) yEncoding() object {
	axis := object{"title": p.y.label, "values": object{"expr": literal(p.y.ticks)}}
	switch {
	case p.y.names != nil:
		axis["labelExpr"] = p.y.nameExpr()
	case p.y.log:
		axis["labelExpr"] = labelExpr
	case p.y.large():
		axis["labelExpr"] = largeLabelExpr
	}
	return object{"field": "y", "type": "quantitative", "scale": p.y.vegaLite(len(p.cells) > 0), "axis": axis}
}

// words writes text at a place in the panel that no axis decides.
func words(text string, mark object) object {
	all := object{"type": "text", "text": text, "color": quiet}
	maps.Copy(all, mark)
	return object{"data": object{"values": []any{object{}}}, "mark": all}
}

// vegaLite describes the scale. Cells have their edges at whole pixels, which leaves no seams.
func (s scale) vegaLite(cells bool) object {
	out := object{"type": "linear", "domain": []float64{s.min, s.max}, "nice": false}
	if s.log {
		out["type"] = "log"
	} else {
		out["zero"] = false
	}
	if cells {
		out["round"] = true
	}
	return out
}

// within are transforms that keep what lies within the steps zoomed into. Unlike clipping they leave whole what sits on the edge.
func (s *sheet) within() []any {
	if s.fixed {
		return nil
	}
	return []any{object{"filter": "!isArray(zoom.x) || inrange(datum.x, zoom.x)"}}
}

func (p *pane) markLayer(s *sheet) object {
	rows := make([]any, len(p.marks))
	for i, m := range p.marks {
		row := object{"x": m.X, "y": m.Y, "text": m.Text, "detail": m.Detail, "color": m.Color, "dx": wordGap, "dy": -m.dy, "align": "left"}
		if m.left {
			row["dx"], row["align"] = -wordGap, "right"
		}
		rows[i] = row
	}
	layer := object{
		"data":     object{"values": rows},
		"encoding": object{"tooltip": object{"field": "detail", "type": "nominal"}},
		"layer": []any{object{
			"mark": object{"type": "point", "shape": cross, "size": 90, "strokeWidth": 2.2, "opacity": 1, "clip": false, "color": field("color")},
		}, object{
			"mark":     object{"type": "text", "align": field("align"), "baseline": "middle", "dx": field("dx"), "dy": field("dy"), "clip": false, "color": field("color")},
			"encoding": object{"text": object{"field": "text"}},
		}},
	}
	if len(p.curves) > 0 && !s.fixed {
		layer["transform"] = s.within()
	}
	return layer
}

const cross = "M-1,-1L1,1M-1,1L1,-1"

// field makes an expression of a field of the data.
func field(name string) object { return object{"expr": "datum." + name} }

func (p *pane) ruleLayer() object {
	var rows []any
	for _, r := range p.rules {
		row := object{"y": r.Y, "text": r.Text, "color": r.Color}
		if r.Color == "" {
			row["color"] = quiet
		}
		rows = append(rows, row)
	}
	return object{"data": object{"values": rows}, "layer": []any{
		object{
			"mark":     object{"type": "rule", "strokeDash": []float64{2, 3}, "strokeWidth": 1, "color": field("color")},
			"encoding": object{"x": object{"value": 0}, "x2": object{"value": "width"}},
		},
		object{
			"mark":     object{"type": "text", "align": "right", "dx": -4, "dy": 9, "color": field("color")},
			"encoding": object{"x": object{"value": "width"}, "text": object{"field": "text"}},
		},
	}}
}
