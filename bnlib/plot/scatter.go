package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Scatter is points that no line joins.
type Scatter struct {
	Name    string // in the legend; scatters of one name and colour share one entry
	Color   string
	Cross   bool      // × instead of circles
	X, Y    []float64 // of equal length; what is not finite is not drawn
	Details []string  // shown where the reader points at a point; none: its coordinates
}

// Add adds a point, with what is shown where the reader points at it.
func (s *Scatter) Add(x, y float64, detail string) {
	s.X, s.Y, s.Details = append(s.X, x), append(s.Y, y), append(s.Details, detail)
}

const (
	dotRadius  = 4. // CSS pixels
	dotOpacity = 0.35
	dotLine    = 1.5
)

// layout returns the points that can be drawn.
func (s Scatter) layout() Scatter {
	out := Scatter{Name: s.Name, Color: s.Color, Cross: s.Cross}
	for i := range min(len(s.X), len(s.Y)) {
		x, y := round(s.X[i]), round(s.Y[i])
		if !finite(x) || !finite(y) {
			continue
		}
		detail := fmt.Sprintf("%v, %v", x, y)
		if i < len(s.Details) {
			detail = s.Details[i]
		}
		out.X, out.Y, out.Details = append(out.X, x), append(out.Y, y), append(out.Details, detail)
	}
	return out
}

func (s Scatter) draw(c draw.Canvas, trX, trY func(float64) vg.Length) {
	for i := range s.X {
		s.drawDot(c, vg.Point{X: trX(s.X[i]), Y: trY(s.Y[i])})
	}
}

func (s Scatter) drawDot(c draw.Canvas, at vg.Point) {
	clr := rgb(s.Color)
	if s.Cross {
		const arm = dotRadius * px
		line := draw.LineStyle{Color: clr, Width: dotLine * px}
		c.StrokeLine2(line, at.X-arm, at.Y-arm, at.X+arm, at.Y+arm)
		c.StrokeLine2(line, at.X-arm, at.Y+arm, at.X+arm, at.Y-arm)
		return
	}
	pale := clr
	pale.A = uint8(math.Round(255 * dotOpacity))
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: pale, Radius: dotRadius * px, Shape: draw.CircleGlyph{}}, at)
	var ring vg.Path
	ring.Move(vg.Point{X: at.X + dotRadius*px, Y: at.Y})
	ring.Arc(at, dotRadius*px, 0, 2*math.Pi)
	ring.Close()
	c.SetLineStyle(draw.LineStyle{Color: clr, Width: dotLine * px})
	c.Stroke(ring)
}

// scatterLayer is the layer of all points of a panel. Panels that draw the same things, by their details, share their data.
func (p *pane) scatterLayer(s *sheet, data *dataSets) object {
	var details, keys, x, y []string
	for _, one := range p.scatters {
		details = append(details, one.Details...)
		key := fmt.Sprint(s.key(one.Name, Style{Color: one.Color}))
		keys = append(keys, slices.Repeat([]string{key}, len(one.X))...)
		x, y = append(x, cellsOf(one.X, cell)...), append(y, cellsOf(one.Y, cell)...)
	}
	fills, shapes := s.colors(), make([]string, len(s.looks))
	for i, e := range s.looks {
		shapes[i] = "circle"
		if e.dot != nil && e.dot.Cross {
			shapes[i], fills[i] = cross, "transparent"
		}
	}
	t := data.about("detail", details)
	key, across, up := t.column(keys), t.column(x), t.column(y)
	sample := object{"symbolSize": 4 * dotRadius * dotRadius, "symbolStrokeWidth": dotLine, "symbolFillColor": "transparent"}
	return object{
		"data":      t.source(),
		"transform": []any{object{"calculate": "toNumber(datum." + key + ")", "as": "key"}},
		"mark": object{
			"type": "point", "filled": false, "fill": choose(fills, "key", 1), "fillOpacity": dotOpacity, "opacity": 1,
			"size": 4 * dotRadius * dotRadius, "strokeWidth": dotLine, "clip": false,
		},
		"encoding": object{
			"x": object{"field": across}, "y": object{"field": up},
			"color": s.encoded(s.colors(), sample), "shape": s.encoded(shapes, sample),
			"tooltip": object{"field": "detail", "type": "nominal"},
		},
	}
}
