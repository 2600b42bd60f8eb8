package chart

import (
	"fmt"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// appearance is how a run is shown in a figure or a table of several.
type appearance struct {
	name  string
	plain bool // the name says nothing but which norm there is
	style plot.Style
}

// styleOf returns the style of a network in every figure, if it has one, that of its norm: a model that a reader wrote has none,
// and neither has a norm without a colour.
func styleOf(n bnlib.Network) (style plot.Style, ok bool) {
	style.Color = n.Norm.Color
	if n.Norm.Dashed {
		style.Dash = plot.Orange.Dash
	}
	return style, n.Model == nil && style.Color != ""
}

// bothNorms are those of bnlib.Replicates, in their order.
var bothNorms = []bnlib.Norm{bnlib.None, bnlib.Batch}

// isBatch reports whether a network is the article's with batch normalization.
func isBatch(n bnlib.Network) bool { return n.Model == nil && n.Norm.Equal(bnlib.Batch) }

// appearances names and styles each run: by its norm, such as "with batch norm", within one experiment; by the name of its experiment where there are several, or where a reader wrote the model. A style that another
// run already has becomes a variant.
func appearances(runs []*bnlib.Run) []appearance {
	looks := make([]appearance, len(runs))
	one := len(runs) > 0 && oneExperiment(runs)
	used, taken := map[string]int{}, map[string]bool{}
	variant := 0
	for i, run := range runs {
		n := run.Network
		name, plain := n.Name, false
		switch {
		case n.Model != nil && name == "":
			name = "custom model"
		case n.Model != nil:
		case one || name == "":
			name, plain = n.Norm.Name, true
		case paired(runs, name):
			name += ", " + n.Norm.Name
		}
		used[name]++
		if used[name] > 1 {
			name, plain = fmt.Sprintf("%s (%d)", name, used[name]), false
		}
		style, ok := styleOf(n)
		if !ok || taken[style.Color] {
			style = plot.Variant(variant)
			variant++
		}
		taken[style.Color] = true
		looks[i] = appearance{name, plain, style}
	}
	return looks
}

// oneExperiment reports whether all runs have the name of the first, and none a model of its own.
func oneExperiment(runs []*bnlib.Run) bool {
	for _, run := range runs {
		if run.Network.Name != runs[0].Network.Name || run.Network.Model != nil {
			return false
		}
	}
	return true
}

// paired reports whether runs of that name differ in their norms.
func paired(runs []*bnlib.Run, name string) bool {
	norms := map[string]bool{}
	for _, run := range runs {
		if run.Network.Name == name {
			norms[run.Network.Norm.Name] = true
		}
	}
	return len(norms) > 1
}
