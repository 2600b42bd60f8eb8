package chart

import (
	"slices"

	"batchnorm/bnlib"
)

// present returns the runs that are not nil: of a network that a store lacks there is none, and nothing to draw.
func present(runs []*bnlib.Run) []*bnlib.Run {
	return slices.DeleteFunc(slices.Clone(runs), func(run *bnlib.Run) bool { return run == nil })
}

func presentOf(replicates []bnlib.Replicates) []bnlib.Replicates {
	replicates = slices.Clone(replicates)
	for i := range replicates {
		r := &replicates[i]
		r.Plain, r.BatchNorm = present(r.Plain), present(r.BatchNorm)
	}
	return replicates
}

func presentIn(study map[int]bnlib.Replicates) map[int]bnlib.Replicates {
	all := map[int]bnlib.Replicates{}
	for n, r := range study {
		all[n] = presentOf([]bnlib.Replicates{r})[0]
	}
	return all
}
