package chart

import (
	"fmt"
	"image/color"
	"strconv"
)

// Style is how a curve looks.
type Style struct {
	Color string    // "#rrggbb"
	Dash  []float64 // lengths of strokes and gaps in CSS pixels; none: solid
}

// The two networks of a pair look the same in every figure of the workbook. Blue and orange are told apart with every
// common form of colour blindness, and the dashes tell them apart in grey.
var (
	WithBatchNorm    = Style{Color: "#1f6fb4"}
	WithoutBatchNorm = Style{Color: "#e8710a", Dash: []float64{6, 3}}
)

// variants are the styles of all other networks: no blue, no orange, and neighbours differ in lightness as well as in hue.
var variants = []Style{
	{Color: "#1b7f5c"},
	{Color: "#8e4fa8", Dash: []float64{8, 2, 2, 2}},
	{Color: "#a3a51c", Dash: []float64{3, 2}},
	{Color: "#5b4636"},
	{Color: "#d45c9a", Dash: []float64{10, 3}},
	{Color: "#3f4a52", Dash: []float64{2, 2}},
	{Color: "#4fb39a", Dash: []float64{8, 2, 2, 2, 2, 2}},
	{Color: "#8c1d40", Dash: []float64{5, 2}},
}

// Variant returns the style of the i-th network that is neither WithBatchNorm nor WithoutBatchNorm. The eight styles
// repeat.
func Variant(i int) Style {
	n := len(variants)
	return variants[(i%n+n)%n]
}

const (
	ink   = "#222222" // titles
	quiet = "#5f6368" // axes, subtitles, reference lines
	grid  = "#e6e8eb"
	paper = "#ffffff"
)

// rgb parses "#rrggbb"; anything else is the colour of axes.
func rgb(hex string) color.NRGBA {
	if len(hex) == 7 && hex[0] == '#' {
		if v, err := strconv.ParseUint(hex[1:], 16, 32); err == nil {
			return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xff}
		}
	}
	return rgb(quiet)
}

// missing is the colour of a cell of which nothing is known: no scale of colours has a grey.
const missing = "#cfd3d8"

// Sequential returns a scale of colours from white over the given colour to a dark shade of it.
func Sequential(hex string) []string {
	c := rgb(hex)
	return []string{paper, hexOf(c), hexOf(mix(c, color.NRGBA{A: 0xff}, 0.6))}
}

// Diverging is a scale of colours for values on both sides of zero: purple below, white, green above. Neither is a network's
// colour, and they are told apart with every common form of colour blindness.
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

func mix(a, b color.NRGBA, t float64) color.NRGBA {
	channel := func(a, b uint8) uint8 { return uint8(float64(a) + t*(float64(b)-float64(a)) + 0.5) }
	return color.NRGBA{channel(a.R, b.R), channel(a.G, b.G), channel(a.B, b.B), 0xff}
}

func hexOf(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
