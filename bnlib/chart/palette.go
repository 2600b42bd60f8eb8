package chart

import (
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
