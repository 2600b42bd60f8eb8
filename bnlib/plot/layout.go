package plot

import (
	"math"
	"slices"
	"strings"
)

// sheet is a Figure made ready to draw: what both renderings must agree on is decided here, so that neither decides alone.
type sheet struct {
	title, subtitle []string  // lines
	looks           []entry   // everything that is drawn in a style
	legend          []entry   // what of it has a name
	columnWidths    []float64 // of the legend
	panels          []pane
	columns         int
	width           float64 // of one panel with its axis, in CSS pixels
	height          float64 // of its plotting area
	titled          bool    // some panel has a title, and all leave room for one
	fixed           bool    // axes cannot be moved or zoomed
}

type entry struct {
	name  string
	style Style
	dot   *Scatter // its sample, if it is no line
}

func (e entry) is(name string, style Style) bool {
	return e.name == name && e.style.Color == style.Color && slices.Equal(e.style.Dash, style.Dash)
}

// enter notes how something looks, in the legend too if it has a name, unless that has been done.
func (s *sheet) enter(e entry) {
	if slices.ContainsFunc(s.looks, func(old entry) bool { return old.is(e.name, e.style) }) {
		return
	}
	s.looks = append(s.looks, e)
	if e.name != "" {
		s.legend = append(s.legend, e)
	}
}

type pane struct {
	title    string
	x, y     scale
	cells    []cellGrid
	curves   []curve
	scatters []Scatter
	marks    []placed
	labels   []Label
	rules    []Rule
	empty    string // what to write instead of curves
	bare     bool
	states   []pane // of an Explorer: this panel in each state
}

// everyState returns the panel in each state, of which there is but one outside an Explorer.
func (p *pane) everyState() []pane {
	if p.states == nil {
		return []pane{*p}
	}
	return p.states
}

type curve struct {
	name, note string
	style      Style
	faint      bool
	points     []point
	areas      []area
}

// placed is a mark with the place of its words: their middle dy CSS pixels above the ×, to its left or its right.
type placed struct {
	Mark
	left bool
	dy   float64
}

type point struct {
	x, y  float64 // y is NaN in a gap
	alone bool    // no neighbour on either side: a line would not show it
}

const (
	titleSize    = 14. // CSS pixels, as all sizes below
	subtitleSize = 11.5
	labelSize    = 11.
	tickSize     = 10.5
	lineWidth    = 2.
	faintWidth   = 1.2
	faintOpacity = 0.45
	legendSample = 26. // length of the line before a name
	legendGap    = 18. // behind a name
	paneTitle    = 11.5
	headingGap   = 9. // between the name of the y axis and the plotting area below it
	wordGap      = 7. // between a × and its words
)

// AxisWidth is what the y axis and its numbers take from a panel's width, in CSS pixels.
const AxisWidth = 46

// spacing is between two panels of a row on a page, in CSS pixels. A picture has none, since its axes' numbers keep panels apart.
const spacing = 26

func (f *Figure) layout() *sheet {
	width, height := f.size()
	s := &sheet{
		columns: f.columns(),
		width:   float64(width) / float64(f.columns()),
		height:  float64(height),
		fixed:   f.Fixed,
	}
	s.title = wrap(f.Title, titleSize, true, float64(width)-16)
	s.subtitle = wrap(f.Subtitle, subtitleSize, false, float64(width)-16)
	for _, p := range f.Panels {
		s.panels = append(s.panels, p.layout(s.width, s.height))
		s.titled = s.titled || p.Title != ""
		for _, c := range p.Series {
			s.enter(entry{name: c.Name, style: c.Style})
		}
		for i, c := range p.Scatters {
			s.enter(entry{name: c.Name, style: Style{Color: c.Color}, dot: &p.Scatters[i]})
		}
	}
	s.columnWidths = columnWidths(s.legend, float64(width))
	s.giveKeys()
	return s
}

// giveKeys lets the first grid of each colour scale say what its colours mean, beside the name of the y axis, or above it if that is long.
func (s *sheet) giveKeys() {
	var seen []ColorScale
	for i := range s.panels {
		for k := range s.panels[i].cells {
			g := &s.panels[i].cells[k]
			if g.key = !slices.ContainsFunc(seen, g.Colors.same); !g.key {
				continue
			}
			seen = append(seen, g.Colors)
			if textWidth(s.panels[i].y.label, labelSize, false)+wordGap+g.keySpan() > g.across(s.across(&s.panels[i])) {
				g.raised = labelSize * leading
			}
		}
	}
}

// across is the width of a panel's plotting area on a page, in CSS pixels.
func (s *sheet) across(p *pane) float64 {
	width := s.width - p.left()
	if !p.bare { // pictures have the size that they have
		width -= spacing * float64(s.columns-1) / float64(s.columns)
	}
	return width
}

// raised is what keys above the names of the y axes take, in CSS pixels.
func (s *sheet) raised() (most float64) {
	for _, p := range s.panels {
		for _, g := range p.cells {
			most = max(most, g.raised)
		}
	}
	return most
}

// columnWidths returns the widths of as many columns of a legend as fit into the given width.
func columnWidths(legend []entry, width float64) []float64 {
	for n := len(legend); n > 0; n-- {
		columns, sum := make([]float64, n), 0.0
		for i, e := range legend {
			columns[i%n] = max(columns[i%n], legendSample+6+textWidth(e.name, labelSize, false)+legendGap)
		}
		for _, w := range columns {
			sum += w
		}
		if n == 1 || sum <= width-AxisWidth {
			return columns
		}
	}
	return nil
}

func (p *Panel) layout(width, height float64) pane {
	out := pane{title: p.Title, bare: p.Bare}
	var xs, ys []float64
	invalid := false
	for _, c := range p.Cells {
		g, ok := c.layout(width-AxisWidth, height, [2]bool{p.X.Log, p.Y.Log})
		if !ok {
			invalid = true
			continue
		}
		out.cells = append(out.cells, g)
		xs, ys = append(xs, c.X...), append(ys, c.Y...)
	}
	for _, s := range p.Series {
		c := curve{name: s.Name, note: s.Note, style: s.Style, faint: s.Faint}
		for _, b := range s.Bands {
			c.areas = append(c.areas, area{note: b.Note})
		}
		for i := range min(len(s.X), len(s.Y)) {
			x, y := round(s.X[i]), round(s.Y[i])
			if !finite(x) {
				continue
			}
			if !finite(y) {
				y = math.NaN()
			}
			c.points = append(c.points, point{x: x, y: y})
			xs, ys = append(xs, x), append(ys, y)
			for k, b := range s.Bands {
				e := b.at(i)
				c.areas[k].edges = append(c.areas[k].edges, e)
				ys = append(ys, e.low, e.high)
			}
		}
		for i := range c.points {
			left := i > 0 && finite(c.points[i-1].y)
			right := i+1 < len(c.points) && finite(c.points[i+1].y)
			c.points[i].alone = finite(c.points[i].y) && !left && !right
		}
		out.curves = append(out.curves, c)
	}
	for _, s := range p.Scatters {
		s = s.layout()
		out.scatters = append(out.scatters, s)
		xs, ys = append(xs, s.X...), append(ys, s.Y...)
	}
	drawn := len(out.cells) > 0
	for _, y := range ys {
		drawn = drawn || finite(y)
	}
	for _, m := range p.Marks {
		xs, ys = append(xs, m.X), append(ys, m.Y)
	}
	for _, r := range p.Rules {
		if finite(r.Y) {
			ys = append(ys, r.Y)
			out.rules = append(out.rules, r)
		}
	}
	out.x, out.y = p.X.fit(xs, len(p.Scatters) > 0), p.Y.fit(ys, len(p.Cells) == 0)
	out.y.whole = false
	out.x.ticks = ticks(out.x, max(3, int(width/70)))
	out.y.ticks = ticks(out.y, max(6, int(height/45)))
	out.x.name(p.X.Names)
	out.y.name(p.Y.Names)
	for _, c := range out.curves {
		for i := range c.points {
			if out.y.log && c.points[i].y < out.y.min && c.points[i].y < 1/huge {
				c.points[i].y = out.y.min
			}
		}
		for k := range c.areas {
			c.areas[k].finish(out.y)
		}
	}
	for _, m := range p.Marks {
		m.X, m.Y = round(m.X), round(m.Y)
		switch {
		case !finite(m.X):
			continue
		case !finite(m.Y) && out.y.log:
			m.Y = round(math.Sqrt(out.y.min * out.y.max))
		case !finite(m.Y):
			m.Y = (out.y.min + out.y.max) / 2
		}
		m.Y = max(out.y.min, min(out.y.max, m.Y))
		if m.Detail == "" {
			m.Detail = m.Text
		}
		out.marks = append(out.marks, placed{Mark: m})
	}
	out.labels = out.labelsWithin(p.Labels)
	out.placeWords(width-out.left(), height)
	if !drawn && len(out.marks) == 0 {
		switch {
		case invalid:
			out.empty = cellsInvalid
		case p.Empty != "":
			out.empty = p.Empty
		default:
			out.empty = "nothing to draw yet"
		}
	}
	return out
}

// placeWords puts the words of each mark on the side with more room, above or below the × or further off, where they cover
// the fewest curves and no other words.
func (p *pane) placeWords(width, height float64) {
	type box struct{ x0, x1, y0, y1 float64 }
	var words []box
	for i := range p.marks {
		m := &p.marks[i]
		x, y := p.x.norm(m.X)*width, p.y.norm(m.Y)*height
		w := textWidth(m.Text, labelSize, false)
		m.left = x > width/2
		b := box{x0: x + wordGap, x1: x + wordGap + w}
		if m.left {
			b = box{x0: x - wordGap - w, x1: x - wordGap}
		}
		fewest := math.MaxInt
		for _, dy := range []float64{11, -11, 27, -27, 43, -43, 59, -59, 75, -75, 91, -91} {
			b.y0, b.y1 = y+dy-labelSize*0.7, y+dy+labelSize*0.7
			if b.y0 < 0 || b.y1 > height {
				continue
			}
			hits := 0
			for _, other := range words {
				if b.x0 < other.x1 && other.x0 < b.x1 && b.y0 < other.y1 && other.y0 < b.y1 {
					hits += 1000
				}
			}
			for _, c := range p.curves {
				for k, q := range c.points {
					if math.IsNaN(q.y) {
						continue
					}
					// The point and, of the line that leads to it, a few places between.
					x1, y1 := p.x.norm(q.x)*width, p.y.norm(q.y)*height
					x0, y0 := x1, y1
					if k > 0 && !math.IsNaN(c.points[k-1].y) {
						x0, y0 = p.x.norm(c.points[k-1].x)*width, p.y.norm(c.points[k-1].y)*height
					}
					for _, t := range []float64{0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1} {
						at, up := x0+t*(x1-x0), y0+t*(y1-y0)
						if b.x0 < at && at < b.x1 && b.y0 < up && up < b.y1 {
							hits++
						}
					}
				}
			}
			if hits < fewest {
				fewest, m.dy = hits, dy
				if len(words) > i {
					words = words[:i]
				}
				words = append(words, b)
			}
		}
	}
}

// wrap breaks text into lines of at most width CSS pixels, between words.
func wrap(text string, size float64, bold bool, width float64) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		longer := word
		if line != "" {
			longer = line + " " + word
		}
		if line != "" && textWidth(longer, size, bold) > width {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
