package plot

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const dot = vg.Inch / pngDPI

// draw fills the cells. Edges fall between dots, so that no seam shows.
func (g cellGrid) draw(c draw.Canvas, trX, trY func(float64) vg.Length) {
	colors := g.palette()
	x, y := make([]vg.Length, g.columns+1), make([]vg.Length, g.rows+1)
	for i, e := range g.X {
		x[i] = snap(trX(e))
		if g.Picture {
			x[i] = snap(c.Min.X) + vg.Length(g.side*float64(i))*px
		}
	}
	for k, e := range g.Y {
		y[k] = snap(trY(e))
		if g.Picture {
			y[k] = snap(c.Max.Y) - vg.Length(g.side*float64(g.rows-k))*px
		}
	}
	for i := range g.columns {
		for k := 0; k < g.rows; {
			level, end := g.index(i, k), k+1
			for end < g.rows && g.index(i, end) == level {
				end++
			}
			fill(c, colors[level], x[i], y[k], x[i+1], y[end])
			k = end
		}
	}
}

// index returns the place of a cell's colour in the palette; the last is that of nothing known.
func (g cellGrid) index(column, row int) int {
	v := g.Values[column][row]
	if math.IsNaN(v) {
		return colorLevels
	}
	return g.Colors.level(v)
}

func (g cellGrid) palette() color.Palette {
	var out color.Palette
	for _, hex := range append(g.Colors.colors(), missing) {
		out = append(out, rgb(hex))
	}
	return out
}

// drawKey draws the bar of colours with its limits above the right end of the plotting area.
func (g cellGrid) drawKey(c draw.Canvas) {
	words := letters(labelSize, false, quiet)
	words.XAlign = draw.XRight
	c.Max.X = c.Min.X + vg.Length(g.across(float64((c.Max.X-c.Min.X)/px)))*px
	y := c.Max.Y + vg.Length(headingGap+g.raised)*px
	c.FillText(words, vg.Point{X: c.Max.X, Y: y}, g.high)
	right := snap(c.Max.X - vg.Length(textWidth(g.high, labelSize, false)+keyGap)*px)
	left := right - keyWidth*px
	for i, clr := range g.palette()[:colorLevels] {
		fill(c, clr, left+snap(keyWidth*px*vg.Length(i)/colorLevels), snap(y), left+snap(keyWidth*px*vg.Length(i+1)/colorLevels), snap(y+keyHeight*px))
	}
	frame := draw.LineStyle{Color: rgb(quiet), Width: 0.5 * px}
	c.StrokeLines(frame, []vg.Point{{X: left, Y: y}, {X: right, Y: y}, {X: right, Y: y + keyHeight*px}, {X: left, Y: y + keyHeight*px}, {X: left, Y: y}})
	c.FillText(words, vg.Point{X: left - keyGap*px, Y: y}, g.low)
}

func snap(l vg.Length) vg.Length { return vg.Length(math.Round(float64(l/dot))) * dot }

func fill(c draw.Canvas, clr color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(clr, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

// image returns the cells as pixels, the highest row first.
func (g cellGrid) image() *image.Paletted {
	img := image.NewPaletted(image.Rect(0, 0, g.columns, g.rows), g.palette())
	for i := range g.columns {
		for k := range g.rows {
			img.SetColorIndex(i, k, uint8(g.index(i, g.rows-1-k)))
		}
	}
	return img
}
