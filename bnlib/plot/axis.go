package plot

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Axis is one axis of a Panel.
type Axis struct {
	Label    string  // name and unit
	Log      bool    // logarithmic: values of 0 and below are drawn on its lower end
	Min, Max float64 // limits; both 0: fitted to the data
	Names    []Name  // instead of numbers; none: numbers
}

// Name stands on an axis in place of a number.
type Name struct {
	At   float64
	Text string
}

type scale struct {
	label    string
	log      bool
	min, max float64
	ticks    []float64
	names    []string // of the ticks, if they have any
	whole    bool     // only whole numbers occur
}

// fit returns the scale of an axis for the given values. Room is left between fitted limits and the data if pad is set.
func (a Axis) fit(values []float64, pad bool) scale {
	s := scale{label: a.Label, log: a.Log, min: math.Inf(1), max: math.Inf(-1), whole: len(values) > 0}
	for _, v := range values {
		if !finite(v) || a.Log && v < 1/huge {
			continue
		}
		s.min, s.max = min(s.min, v), max(s.max, v)
		s.whole = s.whole && v == math.Trunc(v)
	}
	if a.Min < a.Max && finite(a.Min) && finite(a.Max) && !(a.Log && a.Min < 1/huge) {
		s.min, s.max = a.Min, a.Max
		return s
	}
	switch {
	case s.min > s.max && a.Log:
		s.min, s.max = 0.1, 1
	case s.min > s.max:
		s.min, s.max = 0, 1
	case s.log:
		// A margin of a twentieth, and never less than a factor of two from end to end.
		factor := 1.0
		if pad || s.min == s.max {
			factor = max(math.Pow(s.max/s.min, 0.05), math.Sqrt(max(1, 2*s.min/s.max)))
		}
		s.min, s.max = round(s.min/factor), round(s.max*factor)
	default:
		margin := 0.0
		if pad {
			margin = 0.05 * (s.max - s.min)
		}
		if s.min == s.max {
			margin = max(0.5, 0.05*math.Abs(s.max))
		}
		s.min, s.max = round(s.min-margin), round(s.max+margin)
	}
	return s
}

// norm returns how far along the axis v is, from 0 to 1.
func (s scale) norm(v float64) float64 {
	if s.log {
		return math.Log(v/s.min) / math.Log(s.max/s.min)
	}
	return (v - s.min) / (s.max - s.min)
}

// ticks returns about n round numbers within the limits of s.
func ticks(s scale, n int) []float64 {
	if s.log {
		return logTicks(s.min, s.max, n)
	}
	step := niceStep((s.max - s.min) / float64(n))
	if s.whole {
		step = max(1, step)
	}
	var out []float64
	for i := math.Ceil(s.min/step - 1e-9); i*step <= s.max+1e-9*step; i++ {
		out = append(out, round(i*step)+0) // + 0: no tick says -0
	}
	return out
}

// niceStep returns the smallest 1, 2 or 5 times a power of ten that is not below x.
func niceStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= x*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// logTicks returns powers of ten, with 2 and 5 times them where few decades are shown, and without some where many are.
func logTicks(lo, hi float64, n int) []float64 {
	decades := math.Log10(hi / lo)
	multiples, every := []float64{1}, 1
	switch {
	case decades < 0.5:
		multiples = []float64{1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9}
	case decades <= 2.2:
		multiples = []float64{1, 2, 5}
	default:
		every = int(math.Ceil(decades / float64(n)))
	}
	var out []float64
	for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
		if e%every != 0 {
			continue
		}
		for _, m := range multiples {
			if v := round(m * math.Pow(10, float64(e))); v >= lo && v <= hi {
				out = append(out, v)
			}
		}
	}
	return out
}

// number writes a tick; labelExpr makes Vega-Lite write the same.
func (s scale) number(v float64) string {
	if i := slices.Index(s.ticks, v); i >= 0 && i < len(s.names) {
		return s.names[i]
	}
	if a := math.Abs(v); a == 0 || a < 1e6 && (a >= 1e-4 || !s.log) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
}

// large reports whether the axis needs exponents although it is linear.
func (s scale) large() bool { return !s.log && max(-s.min, s.max) >= 1e6 }

const (
	labelExpr      = "datum.value >= 1e-4 && datum.value < 1e6 ? format(datum.value, '~f') : format(datum.value, '~e')"
	largeLabelExpr = "abs(datum.value) < 1e6 ? format(datum.value, '~f') : format(datum.value, '~e')"
)

// name puts the names of the axis, if it has any, in place of its ticks.
func (s *scale) name(names []Name) {
	if names == nil {
		return
	}
	s.ticks, s.names = nil, nil
	for _, n := range names {
		if at := round(n.At); at >= s.min && at <= s.max {
			s.ticks, s.names = append(s.ticks, at), append(s.names, n.Text)
		}
	}
}

// left returns what the y axis takes from the panel's width, in CSS pixels.
func (p *pane) left() float64 {
	left := float64(AxisWidth)
	for _, name := range p.y.names {
		left = max(left, textWidth(name, tickSize, false)+16)
	}
	return left
}

// nameExpr makes Vega-Lite write the names.
func (s scale) nameExpr() string {
	return literal(s.names) + fmt.Sprintf("[indexof(%s, datum.value)]", literal(s.ticks))
}
