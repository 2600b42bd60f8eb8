package chart

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Scatter is points that no line joins.
type Scatter struct {
	Name    string // in the legend; scatters of one name share one entry
	Color   string
	Cross   bool      // × instead of circles
	X, Y    []float64 // of equal length; what is not finite is not drawn
	Details []string  // shown where the reader points at a point; none: its coordinates
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

// vegaLiteScatter returns the layer of all points of a panel.
func (p *pane) vegaLiteScatter(x, y object, legend []entry, columns int) object {
	var rows []any
	for _, s := range p.scatters {
		for i := range s.X {
			row := object{"x": s.X[i], "y": s.Y[i], "name": s.Name, "detail": s.Details[i], "fill": s.Color}
			if s.Cross {
				row["fill"] = "transparent"
			}
			rows = append(rows, row)
		}
	}
	names, colors, shapes := []string{}, []string{}, []string{}
	for _, e := range legend {
		shape := "circle"
		if e.dot != nil && e.dot.Cross {
			shape = "M-1,-1L1,1M-1,1L1,-1"
		}
		names, colors, shapes = append(names, e.name), append(colors, e.style.Color), append(shapes, shape)
	}
	key := object{
		"title": "", "orient": "top", "direction": "horizontal", "offset": 14, "columnPadding": legendGap, "columns": columns,
		"symbolSize": 4 * dotRadius * dotRadius, "symbolStrokeWidth": dotLine, "symbolFillColor": "transparent",
	}
	channel := func(values []string) object {
		return object{"field": "name", "type": "nominal", "scale": object{"domain": names, "range": values}, "legend": key}
	}
	return object{
		"data": object{"values": rows},
		"mark": object{
			"type": "point", "filled": false, "fill": object{"expr": "datum.fill"}, "fillOpacity": dotOpacity, "opacity": 1,
			"size": 4 * dotRadius * dotRadius, "strokeWidth": dotLine, "clip": false,
		},
		"encoding": object{
			"x": x, "y": y, "color": channel(colors), "shape": channel(shapes),
			"tooltip": object{"field": "detail", "type": "nominal"},
		},
	}
}
