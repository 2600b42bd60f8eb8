package main

import (
	"fmt"
	"math"
	"strings"

	"batchnorm/bnlib"
)

// table writes what programs did at a work, ours first, in Markdown.
func table(w work, results []result) string {
	var s strings.Builder
	s.WriteString("| work | program | network-steps/s | ours is … times as fast | compiling | memory | losses differ by |\n")
	s.WriteString("| --- | --- | ---: | ---: | ---: | ---: | ---: |\n")
	mine, title := results[0], w.title
	for i, r := range results {
		if len(r.seconds) == 0 {
			continue
		}
		times, differ := "", ""
		if i > 0 {
			times = spread(mine.times(r))
			if d := mine.difference(r); !math.IsNaN(d) {
				differ = fmt.Sprintf("%.0e", d)
			}
		}
		fmt.Fprintf(&s, "| %s | %s | %.0f | %s | %.2f s | %s | %s |\n", title, r.named(), r.rate(), times, r.compile, megabytes(r.memory), differ)
		title = ""
	}
	return s.String()
}

// named is the program's title with its library's version in place of its name.
func (r result) named() string {
	library, rest, ok := strings.Cut(r.title, ",")
	if !ok || r.version == "" || !strings.HasPrefix(r.version, library) {
		return r.title
	}
	return r.version + "," + rest
}

func spread(s bnlib.Spread) string { return fmt.Sprintf("%.2f (%.2f to %.2f)", s.Median, s.Min, s.Max) }

func megabytes(bytes int64) string {
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
}

// ceiling says what share of the fastest product ours reaches at a work, given the result of the program that measures it.
func ceiling(w work, mine result, rates map[string]float64) string {
	best := ""
	for library, rate := range rates {
		if rate > rates[best] {
			best = library
		}
	}
	if best == "" {
		return ""
	}
	flop := stepFLOP(w.networks[0])
	reached := mine.rate() * flop / 1e9
	return fmt.Sprintf("A step of a network is %.1f MFLOP: in %s, ours computes %.0f GFLOP/s, %.0f%% of the %.0f that %s reaches in one large product.\n",
		flop/1e6, w.title, reached, 100*reached/rates[best], rates[best], best)
}

// sweepTable writes the cost of a network in sweeps of several sizes, the smallest first.
func sweepTable(results []result) string {
	var s strings.Builder
	s.WriteString("| sweep of | network-steps/s | a network costs … times what it costs in the smallest | compiling | memory |\n")
	s.WriteString("| ---: | ---: | ---: | ---: | ---: |\n")
	for i, r := range results {
		cost := "1"
		if i > 0 {
			cost = spread(results[0].times(r))
		}
		fmt.Fprintf(&s, "| %s | %.0f | %s | %.2f s | %s |\n", r.title, r.rate(), cost, r.compile, megabytes(r.memory))
	}
	return s.String()
}
