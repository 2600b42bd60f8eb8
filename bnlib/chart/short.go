package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// short writes a number with two significant digits, and a minus that is as wide as a digit.
func short(v float64) string {
	text := fmt.Sprintf("%.2g", v)
	if size := math.Abs(v); size >= 1e-4 && size < 1e6 {
		rounded, _ := strconv.ParseFloat(text, 64)
		text = strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return strings.ReplaceAll(text, "-", "−")
}
