package plot

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Short writes a number with two significant digits, and a minus that is as wide as a digit.
func Short(v float64) string {
	text := fmt.Sprintf("%.2g", v)
	if size := math.Abs(v); size >= 1e-4 && size < 1e6 {
		rounded, _ := strconv.ParseFloat(text, 64)
		text = strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return strings.ReplaceAll(text, "-", "−")
}

// round keeps six significant digits: more than a pixel shows.
func round(v float64) float64 { return significant(v, 6) }

// significant keeps so many significant digits of a number, and all of a whole one.
func significant(v float64, digits int) float64 {
	if !finite(v) || v == 0 || v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return v
	}
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	return r
}

// finite reports whether x is a number that can be drawn. Beyond huge the arithmetic of axes would overflow.
func finite(x float64) bool { return math.Abs(x) <= huge }

const huge = 1e100
