package plot

import (
	"math"
)

// Cells is a grid of coloured cells.
type Cells struct {
	X, Y        []float64   // edges of the columns and of the rows, rising
	Values      [][]float64 // Values[column][row], from the lowest edges on; NaN: nothing known, drawn grey
	Name        string      // what a value is, such as "share of values"
	Colors      ColorScale
	RowNames    []string   // what to write of a row where the reader points at it; none: its edges
	ColumnNames []string   // and of a column
	Notes       [][]string // Notes[column][row]: what to add of a cell there; none: nothing
	NoteName    string     // what the notes say, such as "lowest to highest"
	Picture     bool       // cells are pixels: square, whatever the axes, from the upper left; VegaLite embeds them as a picture
}

const (
	cellsInvalid = "cells without rising edges"
	keyWidth     = 36. // of a colour scale's bar, in CSS pixels
	keyHeight    = 8.
	keyGap       = 4. // between the bar and its limits
)

// cellGrid is Cells made ready to draw. All its values are finite or NaN.
type cellGrid struct {
	Cells
	columns, rows int
	key           bool    // the first grid of its colour scale says what the colours mean
	raised        float64 // by how many CSS pixels the key stands above the line that the name of the y axis is on
	low, high     string  // the scale's limits in words
	side          float64 // of a picture's pixel, in CSS pixels
}

// layout returns the grid in a plotting area of the given size, and whether its edges are fit to draw.
func (c Cells) layout(width, height float64, log [2]bool) (cellGrid, bool) {
	g := cellGrid{Cells: c, columns: len(c.X) - 1, rows: len(c.Y) - 1}
	if !rising(c.X, log[0]) || !rising(c.Y, log[1]) {
		return g, false
	}
	g.Values = make([][]float64, g.columns)
	beyond := [2]bool{}
	for i := range g.Values {
		g.Values[i] = make([]float64, g.rows)
		for k := range g.rows {
			v := math.NaN()
			if i < len(c.Values) && k < len(c.Values[i]) && finite(c.Values[i][k]) {
				v = c.Values[i][k]
			}
			g.Values[i][k] = v
			beyond[0] = beyond[0] || v < c.Colors.Min
			beyond[1] = beyond[1] || v > c.Colors.Max
		}
	}
	if len(g.RowNames) != g.rows {
		g.RowNames = nil
	}
	if len(g.ColumnNames) != g.columns {
		g.ColumnNames = nil
	}
	g.low, g.high = c.Colors.write(c.Colors.Min), c.Colors.write(c.Colors.Max)
	if beyond[0] {
		g.low = "≤ " + g.low
	}
	if beyond[1] {
		g.high = "≥ " + g.high
	}
	// In halves of a CSS pixel, the dots of a PNG.
	g.side = max(0.5, math.Floor(2*min(width/float64(g.columns), height/float64(g.rows)))/2)
	return g, true
}

// keySpan is the width of the key with its limits, in CSS pixels.
func (g cellGrid) keySpan() float64 {
	return textWidth(g.low, labelSize, false) + textWidth(g.high, labelSize, false) + keyWidth + 2*keyGap
}

// across is the width of the cells in a plotting area of some width, in CSS pixels.
func (g cellGrid) across(width float64) float64 {
	if g.Picture {
		return g.side * float64(g.columns)
	}
	return width
}

// rising reports whether there are two edges or more, finite and each above the one before.
func rising(edges []float64, log bool) bool {
	for i, e := range edges {
		if !finite(e) || i > 0 && e <= edges[i-1] || log && e < 1/huge {
			return false
		}
	}
	return len(edges) > 1
}
