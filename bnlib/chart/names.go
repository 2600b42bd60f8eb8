package chart

import (
	"fmt"

	"batchnorm/bnlib"
	"batchnorm/bnlib/plot"
)

// appearance is how a run is shown in a figure or a table of several.
type appearance struct {
	name  string
	plain bool // the name says nothing but whether there is batch normalization
	style plot.Style
}

// styleOf returns the style of a network in every figure, if it has one: a model that a reader wrote has none.
func styleOf(n bnlib.Network) (style plot.Style, ok bool) {
	if n.BatchNorm {
		return plot.Blue, n.Model == nil
	}
	return plot.Orange, n.Model == nil
}

// appearances names and styles each run: "with batch norm" and "without batch norm" in their two styles within one
// experiment; by the name of its experiment where there are several, or where a reader wrote the model. A style that another
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
			name, plain = label(n), true
		case paired(runs, name):
			name += ", " + label(n)
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

func label(n bnlib.Network) string {
	if n.BatchNorm {
		return "with batch norm"
	}
	return "without batch norm"
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

// paired reports whether runs of that name differ in batch normalization.
func paired(runs []*bnlib.Run, name string) bool {
	var with, without bool
	for _, run := range runs {
		if run.Network.Name == name {
			with, without = with || run.Network.BatchNorm, without || !run.Network.BatchNorm
		}
	}
	return with && without
}
