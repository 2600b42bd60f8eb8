package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Band is the area between two curves that accompany a Series, pale in its colour. Where bands lie on each other they are
// darker.
type Band struct {
	Low, High []float64 // at the X of the Series; NaN and infinities in either break the band
	Note      string    // what lies within, such as "5 to 95%": follows the Name of the Series where the reader points at it
}

const (
	bandOpacity = 0.2
	bandAlone   = 5. // width of a band of one step
)

// area is a Band made ready to draw.
type area struct {
	note  string
	edges []edge // one for each point of the curve
}

type edge struct {
	low, high float64 // NaN, both, in a gap
	alone     bool    // no neighbour on either side: an area would not show it
}

// at returns the edges of b at the i-th X.
func (b Band) at(i int) edge {
	nan := math.NaN()
	if i >= len(b.Low) || i >= len(b.High) || !finite(b.Low[i]) || !finite(b.High[i]) {
		return edge{low: nan, high: nan}
	}
	low, high := round(b.Low[i]), round(b.High[i])
	return edge{low: min(low, high), high: max(low, high)}
}

// finish marks edges without neighbours, and lifts those that a logarithmic axis cannot show to its lower end.
func (a *area) finish(y scale) {
	known := func(i int) bool { return i >= 0 && i < len(a.edges) && !math.IsNaN(a.edges[i].low) }
	for i := range a.edges {
		e := &a.edges[i]
		e.alone = known(i) && !known(i-1) && !known(i+1)
		if y.log && known(i) && e.low < 1/huge {
			e.low, e.high = y.min, max(e.high, y.min)
		}
	}
}

// drawBands fills the bands of a curve, the first of them first.
func (one curve) drawBands(c draw.Canvas, trX, trY func(float64) vg.Length) {
	clr := rgb(one.style.Color)
	clr.A = 255 * bandOpacity
	for _, a := range one.areas {
		var low, high []vg.Point
		fill := func() {
			outline := low
			for i := len(high) - 1; i >= 0; i-- {
				outline = append(outline, high[i])
			}
			if len(outline) > 2 {
				c.FillPolygon(clr, c.ClipPolygonXY(outline))
			}
			low, high = nil, nil
		}
		for i, e := range a.edges {
			if math.IsNaN(e.low) {
				fill()
				continue
			}
			x := trX(one.points[i].x)
			low, high = append(low, vg.Point{X: x, Y: trY(e.low)}), append(high, vg.Point{X: x, Y: trY(e.high)})
			if e.alone && c.ContainsX(x) {
				bar := c.ClipLinesY([]vg.Point{low[0], high[0]})
				c.StrokeLines(draw.LineStyle{Color: clr, Width: bandAlone * px}, bar...)
			}
		}
		fill()
	}
}

// bandFields are the names of the edges of the k-th band of a curve in the Vega-Lite rendering.
func bandFields(k int) (low, high string) { return fmt.Sprintf("low%d", k), fmt.Sprintf("high%d", k) }

// bandLayers draws the bands of all curves, those of one rank in one layer.
func (p *pane) bandLayers(color object) []any {
	var layers []any
	for k := range p.mostBands() {
		low, high := bandFields(k)
		encoding := object{"y": object{"field": low, "stack": false}, "y2": object{"field": high}} // areas are stacked where nothing is said
		layers = append(layers, object{
			"mark": object{"type": "area", "clip": true, "fillOpacity": bandOpacity, "color": color}, "encoding": encoding,
		})
		if p.anyEdge(k, func(e edge) bool { return e.alone }) {
			layers = append(layers, object{
				"transform": onlyAlone(low),
				"mark":      object{"type": "rule", "clip": true, "strokeWidth": bandAlone, "strokeOpacity": bandOpacity, "color": color},
				"encoding":  encoding,
			})
		}
	}
	return layers
}

func (p *pane) mostBands() int {
	most := 0
	for _, c := range p.curves {
		most = max(most, len(c.areas))
	}
	return most
}

// anyEdge reports whether any edge of a band of rank k, in any state of the panel, is such a one.
func (p *pane) anyEdge(k int, such func(edge) bool) bool {
	for _, now := range p.everyState() {
		for _, c := range now.curves {
			if k < len(c.areas) && slices.ContainsFunc(c.areas[k].edges, such) {
				return true
			}
		}
	}
	return false
}
