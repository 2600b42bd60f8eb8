package plot

import (
	"image"
	"image/color"
	"math"
	"slices"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	px       = vg.Inch / 96 // a CSS pixel
	pngDPI   = 2 * 96       // two dots to the CSS pixel: sharp on a dense screen, and on paper
	margin   = 8 * px
	leading  = 1.3 // line height over font size
	xAxisPix = 40. // what the x axis, its numbers and its label take below the plotting area
)

// PNG renders f at two dots to the CSS pixel.
func (f *Figure) PNG() ([]byte, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	s := f.layout()
	rows := (len(s.panels) + s.columns - 1) / s.columns
	head := s.headHeight()
	above := labelSize*leading + headingGap // of a plotting area
	if s.titled {
		above += paneTitle*leading + 8
	} else {
		above += s.raised()
	}
	below := 0.
	if slices.ContainsFunc(s.panels, func(p pane) bool { return !p.bare }) {
		below = xAxisPix
	}
	paneHeight := vg.Length(above+s.height+below) * px
	width := vg.Length(s.width*float64(s.columns)) * px
	img := vgimg.NewWith(vgimg.UseWH(width+2*margin, head+vg.Length(rows)*paneHeight+2*margin), vgimg.UseDPI(pngDPI))
	sheet := draw.Crop(draw.New(img), margin, -margin, margin, -margin)

	s.drawHead(sheet)
	plots := make([]*plot.Plot, len(s.panels))
	cells := make([]draw.Canvas, len(s.panels))
	over := make([]vg.Length, len(s.panels)) // by which the numbers of the y axis rise above the plotting area
	left := make([]vg.Length, len(s.panels)) // what they take from its width
	wide := make([]vg.Length, s.columns)     // the most in each column
	for i := range s.panels {
		column, row := i%s.columns, i/s.columns
		cell := &cells[i]
		*cell = sheet
		cell.Min.X += vg.Length(s.width) * vg.Length(column) * px
		cell.Max.X = cell.Min.X + vg.Length(s.width)*px
		if column+1 < s.columns {
			cell.Max.X -= 16 * px
		}
		cell.Max.Y -= head + vg.Length(row)*paneHeight
		cell.Min.Y = cell.Max.Y - paneHeight
		cell.Max.Y -= vg.Length(above) * px
		plots[i] = s.panels[i].plot()
		area := plots[i].DataCanvas(*cell)
		over[i], left[i] = cell.Max.Y-area.Max.Y, area.Min.X-cell.Min.X
		wide[column] = max(wide[column], left[i])
	}
	for i, p := range plots {
		p.Draw(draw.Crop(cells[i], wide[i%s.columns]-left[i], 0, 0, over[i]-slices.Max(over)))
	}
	return encode(withPalette(img.Image().(*image.RGBA), s.drawn()))
}

// drawn returns the colours that are drawn as they are.
func (s *sheet) drawn() []color.RGBA {
	var out []color.RGBA
	keep := func(c color.Color) { out = append(out, color.RGBAModel.Convert(c).(color.RGBA)) }
	for _, hex := range append(s.colors(), paper, Ink, quiet, grid) {
		keep(rgb(hex))
	}
	for _, p := range s.panels {
		for _, one := range p.curves {
			if one.faint {
				keep(onPaper(rgb(one.style.Color), faintOpacity))
			}
		}
		for _, g := range p.cells {
			for _, c := range g.palette() {
				keep(c)
			}
		}
	}
	return out
}

// onPaper returns what a colour looks like that lets paper through.
func onPaper(c color.NRGBA, opacity float64) color.RGBA {
	white := rgb(paper)
	mix := func(above, below uint8) uint8 { return uint8(opacity*float64(above) + (1-opacity)*float64(below)) }
	return color.RGBA{mix(c.R, white.R), mix(c.G, white.G), mix(c.B, white.B), 0xff}
}

func (s *sheet) headHeight() vg.Length {
	h := float64(len(s.title))*titleSize*leading + float64(len(s.subtitle))*subtitleSize*leading
	if len(s.legend) > 0 {
		rows := (len(s.legend) + len(s.columnWidths) - 1) / len(s.columnWidths)
		h += 10 + labelSize*leading*float64(rows)
	}
	return vg.Length(h+8) * px
}

// drawHead writes title, subtitle and legend above the panels, where they cover no curve.
func (s *sheet) drawHead(c draw.Canvas) {
	y := c.Max.Y
	lines := func(lines []string, size float64, bold bool, hex string) {
		style := letters(size, bold, hex)
		style.YAlign = draw.YTop
		for _, line := range lines {
			c.FillText(style, vg.Point{X: c.Min.X, Y: y}, line)
			y -= vg.Length(size*leading) * px
		}
	}
	lines(s.title, titleSize, true, Ink)
	lines(s.subtitle, subtitleSize, false, quiet)
	y -= vg.Length(10+labelSize*leading/2) * px
	x := c.Min.X
	style := letters(labelSize, false, Ink)
	style.YAlign = draw.YCenter
	for i, e := range s.legend {
		column := i % len(s.columnWidths)
		if column == 0 && i > 0 {
			x, y = c.Min.X, y-vg.Length(labelSize*leading)*px
		}
		if e.dot != nil {
			e.dot.drawDot(c, vg.Point{X: x + legendSample/2*px, Y: y})
		} else {
			c.StrokeLine2(e.style.line(lineWidth, 1), x, y, x+legendSample*px, y)
		}
		c.FillText(style, vg.Point{X: x + (legendSample+6)*px, Y: y}, e.name)
		x += vg.Length(s.columnWidths[column]) * px
	}
}

func (p *pane) plot() *plot.Plot {
	plt := plot.New()
	plt.BackgroundColor = nil
	p.x.apply(&plt.X)
	p.y.apply(&plt.Y)
	plt.X.Label.Text = p.x.label
	plt.X.Label.TextStyle = letters(labelSize, false, quiet)
	plt.X.Label.TextStyle.XAlign, plt.X.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
	plt.X.Tick.Label.XAlign, plt.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	plt.X.Label.Padding = 3 * px
	plt.Y.Tick.Label.XAlign, plt.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	plt.X.LineStyle.Width = 0 // Plot draws it, over the grid
	plt.Y.LineStyle.Width, plt.Y.Tick.LineStyle.Width, plt.Y.Tick.Length = 0, 0, 4*px

	if p.bare {
		plt.X.Label.Text, plt.X.Tick.Length, plt.Y.Tick.Length = "", 0, 0
		plt.X.Tick.Marker, plt.Y.Tick.Marker = plot.ConstantTicks(nil), plot.ConstantTicks(nil)
	}
	lines := draw.LineStyle{Color: rgb(grid), Width: 1 * px}
	plt.Add(&plotter.Grid{Vertical: lines, Horizontal: lines}, p)
	return plt
}

func (s scale) apply(a *plot.Axis) {
	a.Min, a.Max, a.Padding = s.min, s.max, 0
	if s.log {
		a.Scale = plot.LogScale{}
	}
	marks := make([]plot.Tick, len(s.ticks))
	for i, v := range s.ticks {
		marks[i] = plot.Tick{Value: v, Label: s.number(v)}
	}
	a.Tick.Marker = plot.ConstantTicks(marks)
	a.Tick.Label = letters(tickSize, false, quiet)
	a.LineStyle = draw.LineStyle{Color: rgb(quiet), Width: 1 * px}
	a.Tick.LineStyle, a.Tick.Length = a.LineStyle, 5*px
}

// Plot draws everything between the axes. It implements plot.Plotter.
func (p *pane) Plot(c draw.Canvas, plt *plot.Plot) {
	trX, trY := plt.Transforms(&c)
	for _, g := range p.cells {
		g.draw(c, trX, trY)
		if g.key {
			g.drawKey(c)
		}
	}
	if !p.bare {
		c.StrokeLine2(plt.X.Tick.LineStyle, c.Min.X, c.Min.Y, c.Max.X, c.Min.Y)
	}
	heading := letters(labelSize, false, quiet)
	c.FillText(heading, vg.Point{X: c.Min.X, Y: c.Max.Y + headingGap*px}, p.y.label)
	c.FillText(letters(paneTitle, true, Ink), vg.Point{X: c.Min.X, Y: c.Max.Y + (headingGap+labelSize*leading)*px}, p.title)
	if p.empty != "" {
		style := letters(labelSize, false, quiet)
		style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
		c.FillText(style, c.Center(), p.empty)
		return
	}
	for _, r := range p.rules {
		y := trY(r.Y)
		clr := rgb(r.Color)
		c.StrokeLine2(draw.LineStyle{Color: clr, Width: 1 * px, Dashes: []vg.Length{2 * px, 3 * px}}, c.Min.X, y, c.Max.X, y)
		style := letters(labelSize, false, r.Color)
		style.XAlign, style.YAlign = draw.XRight, draw.YTop
		c.FillText(style, vg.Point{X: c.Max.X - 4*px, Y: y - 2*px}, r.Text)
	}
	for _, one := range p.curves {
		one.drawBands(c, trX, trY)
	}
	for _, faint := range []bool{true, false} {
		for _, one := range p.curves {
			if one.faint == faint {
				one.draw(c, trX, trY)
			}
		}
	}
	for _, s := range p.scatters {
		s.draw(c, trX, trY)
	}
	for _, m := range p.marks {
		p.drawMark(c, m, vg.Point{X: trX(m.X), Y: trY(m.Y)})
	}
	for _, l := range p.labels {
		l.draw(c, vg.Point{X: trX(l.X), Y: trY(l.Y)})
	}
}

func (one curve) draw(c draw.Canvas, trX, trY func(float64) vg.Length) {
	style := one.style.line(lineWidth, 1)
	if one.faint {
		style = one.style.line(faintWidth, faintOpacity)
		style.Dashes = nil
	}
	var run []vg.Point
	stroke := func() {
		if len(run) > 1 {
			c.StrokeLines(style, c.ClipLinesXY(run)...)
		}
		run = nil
	}
	for _, q := range one.points {
		if math.IsNaN(q.y) {
			stroke()
			continue
		}
		at := vg.Point{X: trX(q.x), Y: trY(q.y)}
		run = append(run, at)
		if q.alone && c.Contains(at) {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: style.Color, Radius: 3.5 * px, Shape: draw.CircleGlyph{}}, at)
		}
	}
	stroke()
}

func (p *pane) drawMark(c draw.Canvas, m placed, at vg.Point) {
	if m.X < p.x.min || m.X > p.x.max {
		return
	}
	const arm = 4.7 * px
	style := draw.LineStyle{Color: rgb(m.Color), Width: 2.2 * px}
	c.StrokeLine2(style, at.X-arm, at.Y-arm, at.X+arm, at.Y+arm)
	c.StrokeLine2(style, at.X-arm, at.Y+arm, at.X+arm, at.Y-arm)
	words := letters(labelSize, false, m.Color)
	words.YAlign = draw.YCenter
	offset := wordGap * px
	if m.left {
		words.XAlign, offset = draw.XRight, -offset
	}
	c.FillText(words, vg.Point{X: at.X + offset, Y: at.Y + vg.Length(m.dy)*px}, m.Text)
}

func (s Style) line(width, opacity float64) draw.LineStyle {
	clr := rgb(s.Color)
	clr.A = uint8(255*opacity + 0.5)
	line := draw.LineStyle{Color: clr, Width: vg.Length(width) * px}
	for _, d := range s.Dash {
		line.Dashes = append(line.Dashes, vg.Length(d)*px)
	}
	return line
}

func letters(size float64, bold bool, hex string) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size) * px}
	if bold {
		f.Weight = stdfont.WeightBold
	}
	return text.Style{Color: rgb(hex), Font: f, Handler: plot.DefaultTextHandler}
}

func textWidth(s string, size float64, bold bool) float64 {
	return float64(letters(size, bold, Ink).Width(s) / px)
}
