package chart_test

import (
	"batchnorm/bnlib/chart"
)

// insideFigures are the figures of what a probe saw.
func insideFigures() map[string]*chart.Figure {
	one, four, seven := probed("probe1"), probed("probe4"), probed("probe7")
	return map[string]*chart.Figure{
		"bands":          chart.Bands(one...),
		"bands_sigmoid":  chart.Bands(four...),
		"bands_diverged": chart.Bands(seven...),
		"bands_unprobed": chart.Bands(recorded("experiment1")...),
		"bands_of_one":   chart.Bands(one[1]),
		"bands_mixed":    chart.Bands(one[0], recorded("experiment1")[1]),
		"sizes":          chart.Sizes(one...),
		"sizes_sigmoid":  chart.Sizes(four...),
		"sizes_diverged": chart.Sizes(seven...),
		"sizes_unprobed": chart.Sizes(recorded("experiment1")...),
		"units":          chart.Units(one...),
		"units_sigmoid":  chart.Units(four...),
		"units_diverged": chart.Units(seven...),
		"units_mixed":    chart.Units(one[0], four[0]),
		"units_unprobed": chart.Units(recorded("experiment1")...),
	}
}
