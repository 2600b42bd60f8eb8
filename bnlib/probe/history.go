package probe

import "slices"

// History is what a hook recorded in a run.
type History struct {
	Steps  []int         // at which it looked, rising
	Names  []string      // of its records, in the order in which the hook made them
	Values [][][]float64 // [step][name] numbers
}

// whole reports whether there are numbers for every record at every step; a nil History has none.
func (h *History) whole() bool {
	return h != nil && len(h.Values) == len(h.Steps) &&
		!slices.ContainsFunc(h.Values, func(values [][]float64) bool { return len(values) != len(h.Names) })
}

// Of returns the numbers of one record at every step; nil if there is no record of that name.
func (h *History) Of(name string) [][]float64 {
	if !h.whole() {
		return nil
	}
	i := slices.Index(h.Names, name)
	if i < 0 {
		return nil
	}
	all := make([][]float64, len(h.Steps))
	for k, values := range h.Values {
		all[k] = values[i]
	}
	return all
}

// At returns the numbers of one record at one step; nil if there are none.
func (h *History) At(step int, name string) []float64 {
	if !h.whole() {
		return nil
	}
	k, i := slices.Index(h.Steps, step), slices.Index(h.Names, name)
	if k < 0 || i < 0 {
		return nil
	}
	return h.Values[k][i]
}
