package probe

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Angle is how a weight matrix w, as one long vector, stands to its gradient g on the next step's minibatch and to the w of before
// the first step. A loss that is blind to the scale of w has ⟨w, g⟩ = 0, and then a step of gradient descent makes ‖w‖² longer by
// exactly rate²·‖g‖² (Pythagoras; Arora, Li and Lyu 2019, van Laarhoven 2017).
type Angle struct {
	Squared  float64 // ‖w‖²
	Gradient float64 // ‖g‖²
	Product  float64 // ⟨w, g⟩
	Start    float64 // ‖w‖² before the first step
	Along    float64 // ⟨w, w before the first step⟩
}

// Angles records an Angle of every trained matrix under the matrix's name, in float64: the change of ‖w‖² in a step is too small a part of
// ‖w‖² for float32. See AnglesOf.
var Angles = Hook{Name: "angles", Graph: func(l *Look) {
	for _, v := range l.Variables() {
		if v.Trainable && v.Value.Rank() >= 2 {
			l.Reduced(v.Name, Stack([]*Node{v.Value, l.Gradient(v.Name), l.Initial(v.Name)}, 0), angle) // [3, …]
		}
	}
}}

// angle returns the five numbers of an Angle, of w, g and w before the first step, one behind the other.
func angle(values []float32) []float64 {
	n := len(values) / 3
	w, g, start := values[:n], values[n:2*n], values[2*n:]
	var a Angle
	for i := range w {
		x, y, z := float64(w[i]), float64(g[i]), float64(start[i])
		a.Squared += x * x
		a.Gradient += y * y
		a.Product += x * y
		a.Start += z * z
		a.Along += x * z
	}
	return []float64{a.Squared, a.Gradient, a.Product, a.Start, a.Along}
}

// AngleOf returns the Angle of the numbers that Angles records of a matrix at a step; of other numbers one of NaN.
func AngleOf(numbers []float64) Angle {
	if len(numbers) != 5 {
		nan := math.NaN()
		return Angle{nan, nan, nan, nan, nan}
	}
	return Angle{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]}
}

// AnglesOf returns what a history of Angles says of a matrix, such as "hidden_1/dense/weights", at each of its steps; nothing of a matrix
// that is not in it.
func AnglesOf(h *History, matrix string) []Angle {
	var all []Angle
	for _, numbers := range h.Of(matrix) {
		all = append(all, AngleOf(numbers))
	}
	return all
}

// Cosine is that of the angle between w and g; NaN if one of them is 0.
func (a Angle) Cosine() float64 {
	return a.Product / (math.Sqrt(a.Squared) * math.Sqrt(a.Gradient))
}

// Growth is what the step w ← w − rate·(g + decay·w) adds to ‖w‖², in exact arithmetic.
func (a Angle) Growth(rate, decay float64) float64 {
	shrink := rate * decay
	return rate*rate*a.Gradient - 2*rate*(1-shrink)*a.Product - shrink*(2-shrink)*a.Squared
}

// Turn is the angle between w and what that step makes of it, in radians.
func (a Angle) Turn(rate, decay float64) float64 {
	along := (1-rate*decay)*a.Squared - rate*a.Product
	return math.Atan2(rate*across(a.Squared, a.Gradient, a.Product), along)
}

// Turned is the angle between w and the w of before the first step, in radians.
func (a Angle) Turned() float64 { return math.Atan2(across(a.Squared, a.Start, a.Along), a.Along) }

// across is the area of the parallelogram of two vectors, of their squared norms and their product.
func across(x, y, product float64) float64 {
	return math.Sqrt(max(0, x*y-product*product)) // rounding may leave less than 0
}
