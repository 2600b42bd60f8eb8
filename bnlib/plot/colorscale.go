package plot

import (
	"fmt"
	"image/color"
	"math"
)

// ColorScale gives a value a colour.
type ColorScale struct {
	Stops    []string // "#rrggbb", evenly spaced from Min to Max
	Min, Max float64  // what lies beyond has the colour of the end
	Root     bool     // evenly spaced in the square root of the value above Min, so that small values show
	Percent  bool     // values are shares, written as percentages
}

// colorLevels is how many colours a scale is drawn with: few enough for two scales and all letters in a PNG's palette.
const colorLevels = 32

// missing is the colour of a cell of which nothing is known: no scale of colours has a grey.
const missing = "#cfd3d8"

// Sequential returns a scale of colours from white over the given colour to a dark shade of it.
func Sequential(hex string) []string {
	c := rgb(hex)
	return []string{paper, hexOf(c), hexOf(mix(c, color.NRGBA{A: 0xff}, 0.6))}
}

// Diverging is a scale of colours for values on both sides of zero: purple below, white, green above. They are
// neither Blue nor Orange, and are told apart with every common form of colour blindness.
func Diverging() []string { return []string{"#5e2a73", "#9970ab", paper, "#5aae61", "#12592a"} }

// blend returns the colour at t, from 0 to 1, between evenly spaced ones.
func blend(stops []string, t float64) string {
	if len(stops) == 0 {
		return quiet
	}
	at := max(0, min(1, t)) * float64(len(stops)-1)
	i := min(int(at), max(0, len(stops)-2))
	j := min(i+1, len(stops)-1)
	return hexOf(mix(rgb(stops[i]), rgb(stops[j]), at-float64(i)))
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
	return Short(v)
}
