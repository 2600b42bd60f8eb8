// Package plot describes figures and tables, and renders them: a Figure as Vega-Lite, for a notebook, where one can point at a
// curve and zoom into it, and as PNG for everything that cannot; a Table as HTML, Markdown and text. It knows nothing of what
// the numbers mean.
//
// A Figure is a literal: panels with axes, and between them curves, bands, dots and coloured cells. Both renderings draw the
// same numbers under the same title. A value that is not a number is not left out: the curve breaks there, and a Mark can say
// why.
package plot

import (
	"fmt"
	"math"
	"slices"
)

// Figure describes a drawing of one or more panels under one title.
type Figure struct {
	Title    string // what there is to see, with its numbers
	Subtitle string // under which conditions; may be empty
	Panels   []Panel
	Columns  int  // panels in a row; 0: all of them
	Width    int  // of the whole in CSS pixels; 0: 640 for one column, PageWidth for several
	Height   int  // of each panel's plotting area in CSS pixels; 0: 280 for one column, 240 for several
	Fixed    bool // the page's axes cannot be moved or zoomed: those of different panels mean different things
}

// Panel is one pair of axes with what is drawn between them.
type Panel struct {
	Title    string // a few words above the panel; may be empty
	X, Y     Axis
	Cells    []Cells // beneath all else
	Series   []Series
	Scatters []Scatter
	Marks    []Mark
	Labels   []Label // above all else
	Rules    []Rule
	Empty    string // what to write where there is nothing to draw; "": "nothing to draw yet"
	Bare     bool   // without axes: Y.Label is a heading, and nothing is drawn but pictures
}

// Series is one curve.
type Series struct {
	Name  string // in the legend; curves of one name and style share one entry, and clicking it highlights them all
	Style Style
	Faint bool      // thin and pale: accompanies another curve of the same name
	Note  string    // what a faint curve adds, such as "training loss": follows Name where the reader points at it
	X, Y  []float64 // of equal length; NaN and infinities in Y break the curve
	Bands []Band    // areas under the curve, the first one lowest
}

// Mark is a × with a few words beside it.
type Mark struct {
	X, Y   float64 // Y may be NaN, where no height means anything
	Text   string  // drawn beside the ×
	Detail string  // shown when the reader points at it; "": Text
	Color  string
}

// Rule is a horizontal reference line.
type Rule struct {
	Y     float64
	Text  string // drawn above the line's right end
	Color string // "": grey
}

// Reference adds a horizontal reference line to the first panel, in the colour of a style, and returns f:
//
//	figure.Reference(.9801, "reported: .9801", plot.Blue)
func (f *Figure) Reference(y float64, text string, style Style) *Figure {
	if len(f.Panels) > 0 {
		f.Panels[0].Rules = append(f.Panels[0].Rules, Rule{Y: y, Text: text, Color: style.Color})
	}
	return f
}

// mostPixels bounds a picture: a figure of more would not fit into memory, let alone on a page.
const mostPixels = 1 << 26

// validate returns an error for a figure that cannot be rendered. Numbers, names and colours of any kind can: what is not finite, or
// has no partner, is left out, and a colour that is not "#rrggbb" is grey.
func (f *Figure) validate() error {
	if f == nil {
		return fmt.Errorf("plot: the figure is nil; allowed: one with panels, or none")
	}
	width, height := f.size()
	rows := (len(f.Panels) + f.columns() - 1) / f.columns()
	const scaled = pngDPI / 96
	if pixels := scaled * scaled * float64(width) * float64(height+perPanel) * float64(rows); pixels > mostPixels {
		return fmt.Errorf("plot: Figure.Width is %d and Figure.Height %d, of %d rows; allowed: a picture of at most %d pixels, here it has %.3g",
			f.Width, f.Height, rows, mostPixels, pixels)
	}
	return nil
}

// perPanel is about what a panel's titles and axis take above and below its plotting area, in CSS pixels.
const perPanel = 80

// Row places figures side by side, under the title of the first.
func Row(figures ...*Figure) *Figure { return join(0, figures) }

// Column places figures one below the other, under the title of the first.
func Column(figures ...*Figure) *Figure { return join(1, figures) }

func join(columns int, figures []*Figure) *Figure {
	joined := &Figure{Columns: columns}
	figures = slices.DeleteFunc(slices.Clone(figures), func(f *Figure) bool { return f == nil })
	for i, f := range figures {
		if i == 0 {
			joined.Title, joined.Subtitle = f.Title, f.Subtitle
		}
		joined.Panels = append(joined.Panels, f.Panels...)
	}
	return joined
}

func (f *Figure) columns() int {
	n := max(1, len(f.Panels))
	if f.Columns > 0 {
		n = min(n, f.Columns)
	}
	return n
}

// PageWidth is the width, in CSS pixels, that a figure has where a projector shows a page of JupyterLab: of 1024 pixels, or of 1366 at
// one and a half times the size, the page's margins leave this.
const PageWidth = 720

// size returns the width of the whole and the height of each panel's plotting area, in CSS pixels.
func (f *Figure) size() (width, height int) {
	width, height = 640, 280
	if f.columns() > 1 {
		width, height = PageWidth, 240
	}
	if f.Width > 0 {
		width = f.Width
	}
	if f.Height > 0 {
		height = f.Height
	}
	return width, height
}

// ShareAxis gives panels that stand in a row one y axis, unless some of them would be illegible on it; then their labels say so.
func ShareAxis(row []Panel) {
	low, high, narrowest := math.Inf(1), math.Inf(-1), math.Inf(1)
	for _, p := range row {
		bottom, top := p.Extent()
		if bottom <= top {
			low, high, narrowest = min(low, bottom), max(high, top), min(narrowest, top-bottom)
		}
	}
	if low > high || len(row) < 2 {
		return
	}
	const legible = 1. / 8 // of the height
	for i := range row {
		y := &row[i].Y
		switch {
		case y.Log:
			factor := max(1.1, math.Pow(high/low, 0.05))
			y.Min, y.Max = low/factor, high*factor
		case narrowest < legible*(high-low):
			y.Label += " (axes of this row differ)"
		case low < high:
			margin := 0.05 * (high - low)
			y.Min, y.Max = low-margin, high+margin
		}
	}
}

// Extent returns the lowest and the highest value of the series of p and their bands; on a log axis, of those above 0.
func (p *Panel) Extent() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	see := func(values []float64) {
		for _, v := range values {
			if finite(v) && !(p.Y.Log && v < 1/huge) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	for _, s := range p.Series {
		see(s.Y)
		for _, b := range s.Bands {
			see(b.Low)
			see(b.High)
		}
	}
	return low, high
}
