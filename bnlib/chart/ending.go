package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"batchnorm/bnlib"
)

// ending says something of each run, with batch normalization first: "Experiment 1, what: with batch norm value, without
// value". Of many runs it names the first four.
func ending(what string, runs []*bnlib.Run, value func(*bnlib.Run) string) string {
	if len(runs) > 0 && oneExperiment(runs) && runs[0].Network.Name != "" {
		what = runs[0].Network.Name + ", " + what
	} else {
		what = strings.ToUpper(what[:1]) + what[1:]
	}
	var with, others []string
	for i, look := range appearances(runs) {
		name := look.name
		if name == "without batch norm" && len(runs) > 1 {
			name = "without"
		}
		if item := name + " " + value(runs[i]); look.name == "with batch norm" {
			with = append(with, item)
		} else {
			others = append(others, item)
		}
	}
	items := append(with, others...)
	const most = 4
	if len(items) > most {
		items = append(items[:most], fmt.Sprintf("and %d more", len(items)-most))
	}
	separator := ", "
	if strings.Contains(strings.Join(items, ""), separator) {
		separator = "; " // a name has a comma of its own
	}
	return what + ": " + strings.Join(items, separator)
}

// short writes a number with two significant digits, and a minus that is as wide as a digit.
func short(v float64) string {
	text := fmt.Sprintf("%.2g", v)
	if size := math.Abs(v); size >= 1e-4 && size < 1e6 {
		rounded, _ := strconv.ParseFloat(text, 64)
		text = strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return strings.ReplaceAll(text, "-", "−")
}
