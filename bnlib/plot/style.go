package plot

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

// Blue and Orange are the styles of two things that a figure compares. They are told apart with every common form of colour
// blindness, and the dashes tell them apart in grey.
var (
	Blue   = Style{Color: "#1f6fb4"}
	Orange = Style{Color: "#e8710a", Dash: []float64{6, 3}}
)

// variants are the styles of all else: no blue, no orange. Each has dashes of its own, for in grey a colour tells little;
// neighbours differ in lightness as well as in hue.
var variants = []Style{
	{Color: "#1b7f5c", Dash: []float64{12, 3}},
	{Color: "#8e4fa8", Dash: []float64{8, 2, 2, 2}},
	{Color: "#a3a51c", Dash: []float64{3, 2}},
	{Color: "#5b4636", Dash: []float64{16, 3, 3, 3}},
	{Color: "#d45c9a", Dash: []float64{9, 5}},
	{Color: "#3f4a52", Dash: []float64{2, 2}},
	{Color: "#4fb39a", Dash: []float64{8, 2, 2, 2, 2, 2}},
	{Color: "#8c1d40", Dash: []float64{5, 2}},
}

// Variant returns the i-th style that is neither Blue nor Orange. The eight of them repeat.
func Variant(i int) Style {
	n := len(variants)
	return variants[(i%n+n)%n]
}

// Shade returns the i-th of n shades of s, from pale to dark.
func (s Style) Shade(i, n int) Style {
	if n < 2 {
		return s
	}
	clr := rgb(s.Color)
	t := float64(i)/float64(n-1)*2 - 1 // from -1, pale, to 1, dark
	mix := func(c uint8) uint8 {
		if t < 0 {
			return uint8(float64(c) - t*0.55*(255-float64(c)))
		}
		return uint8(float64(c) * (1 - 0.5*t))
	}
	s.Color = fmt.Sprintf("#%02x%02x%02x", mix(clr.R), mix(clr.G), mix(clr.B))
	return s
}

const (
	Ink   = "#222222" // titles, and what belongs to no curve
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

func mix(a, b color.NRGBA, t float64) color.NRGBA {
	channel := func(a, b uint8) uint8 { return uint8(float64(a) + t*(float64(b)-float64(a)) + 0.5) }
	return color.NRGBA{channel(a.R, b.R), channel(a.G, b.G), channel(a.B, b.B), 0xff}
}

func hexOf(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
