package check

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Values that are equal but for rounding, in float64, differ by less than this, relative to the largest element.
const allowed = 1e-9

// mistake is a wrong answer that is often given: what comes out, and what it should make one think of.
type mistake[T any] struct {
	value T
	says  string
}

// compared says how far got, values of the given shape, is from want. A difference that a mistake explains is explained by it.
func compared(name string, got, want []float64, dims []int, mistakes ...mistake[[]float64]) part {
	if n, first := notFinite(got); n > 0 {
		return part{name, Wrong, fmt.Sprintf("wrong, %d of %d elements are no finite numbers, the first at %s", n, len(got), index(first, dims)), "What is divided by what there?"}
	}
	size, difference, at := largest(want), 0.0, 0
	for i := range want {
		if d := math.Abs(got[i] - want[i]); d > difference {
			difference, at = d, i
		}
	}
	if difference <= allowed*size {
		return part{name: name, state: Right, says: fmt.Sprintf("right, largest difference %.2g, of elements up to %.3g; allowed: %.0e times that", difference, size, allowed)}
	}
	says := fmt.Sprintf("wrong, largest difference %.2g, of elements up to %.3g, at %s, where yours is %.3g", difference, size, index(at, dims), got[at])
	if n := wrongIn(got, want, size); len(want) > 1 && n < len(want) {
		says += fmt.Sprintf("; %d of %d elements are right", len(want)-n, len(want))
	}
	for _, m := range mistakes {
		if len(m.value) == len(got) && agree(got, m.value) {
			return part{name, Wrong, says, m.says}
		}
	}
	return part{name: name, state: Wrong, says: says + everywhere(got, want)}
}

// everywhere says what is the same in all elements of a wrong answer, if anything is.
func everywhere(got, want []float64) string {
	if largest(got) == 0 {
		return "; yours is 0 everywhere"
	}
	at := 0 // the largest element
	for i := range want {
		if math.Abs(want[i]) > math.Abs(want[at]) {
			at = i
		}
	}
	if len(want) == 1 || want[at] == 0 || got[at] == 0 {
		return ""
	}
	factor := got[at] / want[at]
	times := make([]float64, len(want))
	for i := range want {
		times[i] = factor * want[i]
	}
	switch {
	case !agree(got, times):
		return ""
	case math.Abs(factor+1) < 1e-6:
		return "; the sign is wrong everywhere"
	}
	return fmt.Sprintf("; yours is %.3g times as large everywhere", factor)
}

// agree reports whether two tensors are equal to six digits of the largest element.
func agree(a, b []float64) bool { return wrongIn(a, b, 1000*largest(b)) == 0 }

// wrongIn counts the elements that differ by more than is allowed for numbers of a size.
func wrongIn(got, want []float64, size float64) (n int) {
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= allowed*size) {
			n++
		}
	}
	return n
}

func largest(values []float64) (size float64) {
	for _, v := range values {
		size = max(size, math.Abs(v))
	}
	return size
}

// notFinite counts NaN and infinities.
func notFinite(values []float64) (n, first int) {
	first = slices.IndexFunc(values, func(v float64) bool { return v-v != 0 })
	for _, v := range values {
		if v-v != 0 {
			n++
		}
	}
	return n, first
}

// index writes where the i-th element of a tensor is, row-major: "[3, 1]".
func index(i int, dims []int) string {
	at := make([]int, len(dims))
	for axis, dim := range slices.Backward(dims) {
		at[axis], i = i%dim, i/dim
	}
	return list(at)
}

// list writes dimensions, or the indices along them: "[3, 1]".
func list(numbers []int) string { return strings.ReplaceAll(fmt.Sprint(numbers), " ", ", ") }

// number compares one number: right within tolerance, relative to want. NaN is what an unanswered exercise returns.
func number(name string, got, want, tolerance float64, mistakes ...mistake[float64]) part {
	switch {
	case math.IsNaN(got):
		return part{name: name, says: "NaN; wanted: a number"}
	case math.Abs(got-want) <= tolerance*math.Abs(want):
		return part{name: name, state: Right, says: fmt.Sprintf("%.6g is right; allowed: a difference of %.0e times that", got, tolerance)}
	}
	for _, m := range mistakes {
		if math.Abs(got-m.value) <= 1e-6*math.Abs(m.value) {
			return part{name, Wrong, fmt.Sprintf("%.6g is wrong", got), m.says}
		}
	}
	if got > want {
		return part{name: name, state: Wrong, says: fmt.Sprintf("%.6g is too large", got)}
	}
	return part{name: name, state: Wrong, says: fmt.Sprintf("%.6g is too small", got)}
}
