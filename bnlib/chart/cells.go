package chart

import (
	"fmt"
	"math"
)

// Cells is a grid of coloured cells.
type Cells struct {
	X, Y     []float64   // edges of the columns and of the rows, rising
	Values   [][]float64 // Values[column][row], from the lowest edges on; NaN: nothing known, drawn grey
	Name     string      // what a value is, such as "share of values"
	Colors   ColorScale
	RowNames []string // what to write of a row where the reader points at it; none: its edges
	Picture  bool     // cells are pixels: square, whatever the axes, from the upper left; VegaLite embeds them as a picture
}

// ColorScale gives a value a colour.
type ColorScale struct {
	Stops    []string // "#rrggbb", evenly spaced from Min to Max
	Min, Max float64  // what lies beyond has the colour of the end
	Root     bool     // evenly spaced in the square root of the value above Min, so that small values show
	Percent  bool     // values are shares, written as percentages
}

// colorLevels is how many colours a scale is drawn with: few enough for two scales and all letters in a PNG's palette.
const colorLevels = 32

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

// rising reports whether there are two edges or more, finite and each above the one before.
func rising(edges []float64, log bool) bool {
	for i, e := range edges {
		if !finite(e) || i > 0 && e <= edges[i-1] || log && e < 1/huge {
			return false
		}
	}
	return len(edges) > 1
}

// same reports whether two scales give every value the same colour.
func (s ColorScale) same(t ColorScale) bool { return fmt.Sprint(s) == fmt.Sprint(t) }

// level returns the colour of a value as a number from 0 to colorLevels - 1. levelExpr makes Vega-Lite compute the same.
func (s ColorScale) level(v float64) int {
	t := 0.0
	if s.Max > s.Min {
		t = max(0, min(1, (v-s.Min)/(s.Max-s.Min)))
	}
	if s.Root {
		t = math.Sqrt(t)
	}
	return int(math.Round(t * (colorLevels - 1)))
}

func (s ColorScale) levelExpr(value string) string {
	t := "0"
	if s.Max > s.Min {
		t = fmt.Sprintf("clamp((%s - (%v)) / %v, 0, 1)", value, s.Min, s.Max-s.Min)
	}
	if s.Root {
		t = "sqrt(" + t + ")"
	}
	return fmt.Sprintf("round(%s * %d)", t, colorLevels-1)
}

// colors returns the colour of each level.
func (s ColorScale) colors() []string {
	out := make([]string, colorLevels)
	for level := range out {
		out[level] = blend(s.Stops, float64(level)/(colorLevels-1))
	}
	return out
}

func (s ColorScale) write(v float64) string {
	if s.Percent {
		return fmt.Sprintf("%.3g%%", 100*v)
	}
	return short(v)
}
