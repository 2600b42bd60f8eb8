package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Label is a disc with a letter or a number in it, which stands out from any colour beneath. What lies outside the axes is not drawn.
type Label struct {
	X, Y   float64
	Text   string // one or two characters
	Detail string // shown when the reader points at it; "": Text
}

const (
	labelRadius = 7. // CSS pixels
	labelLine   = 1.2
	insideSize  = 9.5
)

// labelsWithin returns those labels that the axes have a place for.
func (p *pane) labelsWithin(labels []Label) []Label {
	var out []Label
	for _, l := range labels {
		l.X, l.Y = round(l.X), round(l.Y)
		if !finite(l.X) || !finite(l.Y) || l.X < p.x.min || l.X > p.x.max || l.Y < p.y.min || l.Y > p.y.max {
			continue
		}
		if l.Detail == "" {
			l.Detail = l.Text
		}
		out = append(out, l)
	}
	return out
}

func (l Label) draw(c draw.Canvas, at vg.Point) {
	for _, disc := range []struct {
		color  color.Color
		radius float64
	}{{rgb(Ink), labelRadius}, {rgb(paper), labelRadius - labelLine}} {
		var path vg.Path
		path.Move(vg.Point{X: at.X + vg.Length(disc.radius)*px, Y: at.Y})
		path.Arc(at, vg.Length(disc.radius)*px, 0, 2*math.Pi)
		path.Close()
		c.SetColor(disc.color)
		c.Fill(path)
	}
	words := letters(insideSize, true, Ink)
	words.XAlign, words.YAlign = draw.XCenter, draw.YCenter
	c.FillText(words, at, l.Text)
}

func (p *pane) labelLayer() object {
	rows := make([]any, len(p.labels))
	for i, l := range p.labels {
		rows[i] = object{"x": l.X, "y": l.Y, "text": l.Text, "detail": l.Detail}
	}
	return object{
		"data":     object{"values": rows},
		"encoding": object{"tooltip": object{"field": "detail", "type": "nominal"}},
		"layer": []any{object{
			"mark": object{"type": "point", "filled": true, "fill": paper, "stroke": Ink, "strokeWidth": labelLine, "opacity": 1,
				"size": math.Round(math.Pi * (labelRadius - labelLine/2) * (labelRadius - labelLine/2))},
		}, object{
			"mark":     object{"type": "text", "align": "center", "baseline": "middle", "fontSize": insideSize, "fontWeight": "bold", "color": Ink},
			"encoding": object{"text": object{"field": "text"}},
		}},
	}
}
