// Package chart draws what training left behind: Runs in, figures and tables out. It knows neither notebooks nor backends.
//
// A Figure is a description. VegaLite renders it for a notebook, where one can point at a curve and zoom into it, and PNG
// for everything that cannot: both draw the same numbers under the same title. Accuracy, Error, Loss, CloseUp and Training
// describe how training went, Multiples and SeedBands that of several experiments and seeds; Bands, Sizes, Units and
// SignalProfile what a probe saw inside the networks, and so do HistogramHeat and FirstLayer in colours. Dots, and the tables
// Study and Verdicts, compare the article's experiments over seeds with the article. Any other figure is a Figure literal.
//
// A value that is not a number is not left out: the curve breaks there, and a × says where and why.
package chart

// Figure describes a drawing of one or more panels under one title.
type Figure struct {
	Title    string // what there is to see, with its numbers
	Subtitle string // under which conditions; may be empty
	Panels   []Panel
	Columns  int // panels in a row; 0: all of them
	Width    int // of the whole in CSS pixels; 0: 640 for one column, 390 for each of several
	Height   int // of each panel's plotting area in CSS pixels; 0: 280 for one column, 240 for several
}

// Panel is one pair of axes with what is drawn between them.
type Panel struct {
	Title    string // a few words above the panel; may be empty
	X, Y     Axis
	Cells    []Cells // beneath all else
	Series   []Series
	Scatters []Scatter
	Marks    []Mark
	Rules    []Rule
	Empty    string // what to write where there is nothing to draw; "": "nothing to draw yet"
	Bare     bool   // without axes: Y.Label is a heading, and nothing is drawn but pictures
}

// Axis is one axis of a Panel.
type Axis struct {
	Label    string  // name and unit
	Log      bool    // logarithmic: values of 0 and below are drawn on its lower end
	Min, Max float64 // limits; both 0: fitted to the data
	Names    []Name  // instead of numbers; none: numbers
}

// Series is one curve.
type Series struct {
	Name  string // in the legend; curves of one name share one entry, and clicking it highlights them all
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

// Reference adds a horizontal reference line to the first panel, in the colour of the series of that name, and returns f:
//
//	chart.Accuracy(pair...).Reference(.9801, "the article: .9801", "with batch norm")
func (f *Figure) Reference(y float64, text, series string) *Figure {
	if len(f.Panels) == 0 {
		return f
	}
	p := &f.Panels[0]
	rule := Rule{Y: y, Text: text}
	for _, s := range p.Series {
		if s.Name == series {
			rule.Color = s.Style.Color
		}
	}
	p.Rules = append(p.Rules, rule)
	return f
}

// Row places figures side by side, under the title of the first.
func Row(figures ...*Figure) *Figure { return join(0, figures) }

// Column places figures one below the other, under the title of the first.
func Column(figures ...*Figure) *Figure { return join(1, figures) }

func join(columns int, figures []*Figure) *Figure {
	joined := &Figure{Columns: columns}
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

// size returns the width of the whole and the height of each panel's plotting area, in CSS pixels.
func (f *Figure) size() (width, height int) {
	width, height = 640, 280
	if n := f.columns(); n > 1 {
		width, height = 390*n, 240
	}
	if f.Width > 0 {
		width = f.Width
	}
	if f.Height > 0 {
		height = f.Height
	}
	return width, height
}
