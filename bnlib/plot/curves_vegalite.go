package plot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// curveTable is the data of a panel's curves: a row for each x, and a column for each curve and each edge of a band.
type curveTable struct {
	*dataSet
	curves []curveColumns
	state  string // the column of the state; "": there is but one
	holes  bool   // some curve has no point at an x of another
}

type curveColumns struct {
	y     string
	bands []bandColumns
}

type bandColumns struct{ low, high string }

// table puts the points of the panel's curves into data. Where an Explorer has the panel in several states, it has the rows of
// all, and a column says of which.
func (p *pane) table(data *dataSets) curveTable {
	type place struct {
		x   float64
		nth int // of the points of a curve that have this x
	}
	var x, state []string
	var columns [][]string // of each curve y, and of its bands low and high
	for _, c := range p.curves {
		columns = append(columns, slices.Repeat([][]string{nil}, 1+2*len(c.areas))...)
	}
	out := curveTable{}
	for i, now := range p.everyState() {
		rows := map[place][]string{}
		at := 0 // the first column of a curve
		for k, c := range now.curves[:min(len(now.curves), len(p.curves))] {
			seen := map[float64]int{}
			for n, q := range c.points {
				here := place{q.x, seen[q.x]}
				seen[q.x]++
				row := rows[here]
				if row == nil {
					row = slices.Repeat([]string{absent}, len(columns))
					rows[here] = row
				}
				row[at] = cell(q.y)
				for b, a := range c.areas[:min(len(c.areas), len(p.curves[k].areas))] {
					row[at+1+2*b], row[at+2+2*b] = cell(a.edges[n].low), cell(a.edges[n].high)
				}
			}
			at += 1 + 2*len(p.curves[k].areas)
		}
		inOrder := func(a, b place) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.nth, b.nth)) }
		for _, here := range slices.SortedFunc(maps.Keys(rows), inOrder) {
			x, state = append(x, cell(here.x)), append(state, fmt.Sprint(i))
			for k, text := range rows[here] {
				columns[k] = append(columns[k], text)
				out.holes = out.holes || text == absent
			}
		}
	}
	out.dataSet = data.about("x", x)
	if p.states != nil {
		out.state = out.column(state)
	}
	next := 0
	name := func() string { next++; return out.column(columns[next-1]) }
	for _, c := range p.curves {
		one := curveColumns{y: name()}
		for range c.areas {
			one.bands = append(one.bands, bandColumns{low: name(), high: name()})
		}
		out.curves = append(out.curves, one)
	}
	return out
}

// curveLayers draws the curves of a panel with their bands, and a rule that follows the pointer, from the data that it returns.
func (p *pane) curveLayers(index int, s *sheet, data *dataSets, first bool) (curveTable, []any) {
	t := p.table(data)
	lists := map[string][]string{}
	faint := make([]bool, len(p.curves))
	keys := make([]int, len(p.curves))
	list := func(as, column string) { lists[as] = append(lists[as], "toNumber(datum."+column+")") }
	alone := false
	for i, c := range p.curves {
		faint[i], keys[i] = c.faint, s.key(c.name, c.style)
		list("y", t.curves[i].y)
		for k := range p.mostBands() {
			low, high := bandFields(k)
			if k < len(c.areas) {
				list(low, t.curves[i].bands[k].low)
				list(high, t.curves[i].bands[k].high)
			} else {
				lists[low], lists[high] = append(lists[low], "null"), append(lists[high], "null")
			}
		}
	}
	for _, now := range p.everyState() {
		for _, c := range now.curves {
			alone = alone || slices.ContainsFunc(c.points, func(q point) bool { return q.alone })
		}
	}
	// From a row for each x to a row for each x and curve.
	rows := []any{object{"calculate": "sequence(" + fmt.Sprint(len(p.curves)) + ")", "as": "curve"}}
	flat := []string{"curve"}
	for _, as := range slices.Sorted(maps.Keys(lists)) {
		rows = append(rows, object{"calculate": "[" + strings.Join(lists[as], ", ") + "]", "as": as})
		flat = append(flat, as)
	}
	rows = append(rows, object{"flatten": flat}, object{"calculate": literal(keys) + "[datum.curve]", "as": "key"})
	if t.holes {
		rows = append(rows, object{"filter": "!isNaN(datum.y)"})
	}
	color := choose(s.colors(), "key", 1)
	lines := func(thin bool) object {
		mark := object{"type": "line", "clip": true, "strokeWidth": lineWidth, "strokeJoin": "round", "color": color}
		encoding := object{}
		switch {
		case thin:
			mark["strokeWidth"], mark["strokeOpacity"] = faintWidth, faintOpacity
		case first:
			delete(mark, "color")
			sample := object{"symbolType": "stroke"}
			encoding["color"], encoding["strokeDash"] = s.encoded(s.colors(), sample), s.encoded(s.dashes(), sample)
		default:
			mark["strokeDash"] = choose(s.dashes(), "key", 1)
		}
		layer := object{"mark": mark, "encoding": encoding}
		if slices.Contains(faint, !thin) {
			layer["transform"] = []any{object{"filter": fmt.Sprintf("%s[datum.curve] === %v", literal(faint), thin)}}
		}
		return layer
	}
	dots := func(filters ...any) object {
		return object{
			"transform": append(filters, s.within()...),
			"mark":      object{"type": "point", "filled": true, "size": 40, "clip": false, "color": color},
		}
	}
	layers := p.bandLayers(color)
	if slices.Contains(faint, true) {
		layers = append(layers, lines(true))
	}
	curves := lines(false)
	curves["name"] = fmt.Sprintf("curves%d", index)
	layers = append(layers, curves)
	if alone {
		layers = append(layers, dots(onlyAlone("y")...))
	}
	layers = append(layers, dots(object{"filter": object{"param": "pointed", "empty": false}}))
	return t, []any{object{
		"transform": rows,
		"encoding": object{
			"detail":  object{"field": "curve"},
			"opacity": object{"condition": object{"param": "picked", "value": 1}, "value": 0.1},
		},
		"layer": layers,
	}, p.pointerLayer(index, t)}
}

// row is the row of the data that a tooltip is about: what the reader points at is not the rule but the region that is nearest
// to it, whose datum is the rule.
const row = "(datum.datum || datum)"

// pointerLayer is a vertical rule that follows the pointer from one recorded step to the next and carries the values of all
// curves there.
func (p *pane) pointerLayer(index int, t curveTable) object {
	var says []said
	if p.x.names == nil { // else x is a place, and no number that the axis has
		says = []said{{p.x.label, "format(" + row + ".x, '~g')"}}
	}
	number := func(column string) string { return "format(" + row + "." + column + ", '.4g')" }
	known := func(column, text string) string {
		return "isFinite(toNumber(" + row + "." + column + ")) ? " + text + " : '–'"
	}
	for _, faint := range []bool{false, true} {
		for i, c := range p.curves {
			if c.faint != faint {
				continue
			}
			y := t.curves[i].y
			says = append(says, said{noted(c.name, c.note), known(y, number(y))})
			for k, a := range c.areas {
				b := t.curves[i].bands[k]
				says = append(says, said{noted(c.name, a.note), known(b.low, number(b.low)+" + ' to ' + "+number(b.high))})
			}
		}
	}
	return object{
		"name": fmt.Sprintf("points%d", index),
		"mark": object{"type": "rule", "color": quiet, "clip": true, "tooltip": tooltip(says...)},
		"encoding": object{
			"y": object{"value": 0}, "y2": object{"value": "height"},
			"opacity": object{"condition": object{"param": "pointed", "empty": false, "value": 0.6}, "value": 0},
		},
	}
}

func noted(name, note string) string {
	if note == "" {
		return name
	}
	return name + ", " + note
}

// onlyAlone are transforms that keep the points of curves that have a value and no neighbours with one.
func onlyAlone(field string) []any {
	beside := func(op string) object { return object{"op": op, "field": field, "as": op} }
	return []any{
		object{"window": []any{beside("lag"), beside("lead")}, "groupby": []string{"curve"}},
		object{"filter": fmt.Sprintf("isValid(datum.%s) && !isValid(datum.lag) && !isValid(datum.lead)", field)},
	}
}

func (s *sheet) dashes() [][]float64 {
	dashes := make([][]float64, len(s.looks))
	for i, e := range s.looks {
		dashes[i] = append([]float64{}, e.style.Dash...)
	}
	return dashes
}
