package probe

import (
	"math"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
)

// ParameterSizes describes one trainable variable at a step, by Euclidean norms. After the last step, gradient and update are those
// of the step that would follow.
type ParameterSizes struct {
	Name     string  // path of the variable within the network, such as "hidden_1/dense/weights"
	Norm     float64 // of its value
	Initial  float64 // of its value before the first step
	Distance float64 // from its value before the first step to the one now
	Gradient float64 // of the loss on the minibatch of the next step
	Update   float64 // of what this step adds: the variable's learning rate times the gradient
}

// Ratio is the size of the update relative to the parameter's own; NaN for a parameter of zeros.
func (p ParameterSizes) Ratio() float64 {
	if p.Norm == 0 {
		return math.NaN()
	}
	return p.Update / p.Norm
}

// Moved is the distance from the initial value relative to its size; NaN for a parameter that starts at zeros.
func (p ParameterSizes) Moved() float64 {
	if p.Initial == 0 {
		return math.NaN()
	}
	return p.Distance / p.Initial
}

// Norms takes the loss on the next step's minibatch, and of every trainable variable the Euclidean norms of its value, of the
// value before the first step, of the difference between the two, and of the gradient. See NormsOf.
var Norms = Hook{Name: "norms", Graph: func(l *Look) {
	l.Record(lossRecord, l.Loss())
	var names []string
	var nodes []*Node
	for _, v := range l.Variables() {
		if v.Trainable {
			names, nodes = append(names, v.Name), append(nodes, v.Value)
		}
	}
	for i, name := range names {
		l.Reduced(name+normRecord, nodes[i], euclidean)
		l.Reduced(name+initialRecord, l.Initial(name), euclidean)
		l.Reduced(name+distanceRecord, Sub(nodes[i], l.Initial(name)), euclidean)
		l.Reduced(name+gradientRecord, l.Gradient(name), euclidean)
	}
}}

const (
	lossRecord     = "loss"
	normRecord     = " norm"
	initialRecord  = " initial norm"
	distanceRecord = " distance"
	gradientRecord = " gradient"
)

// euclidean returns the norm, in float64, where the squares of no float32 overflow.
func euclidean(values []float32) []float64 {
	var sum [4]float64 // several sums, so that one addition does not wait for another
	for ; len(values) >= len(sum); values = values[len(sum):] {
		for k, v := range values[:len(sum)] {
			sum[k] += float64(v) * float64(v)
		}
	}
	for _, v := range values {
		sum[0] += float64(v) * float64(v)
	}
	return []float64{math.Sqrt(sum[0] + sum[1] + sum[2] + sum[3])}
}

// NormsOf returns what a history of Norms says of each variable, [step][variable]; nothing of a history of another hook. rate is the
// learning rate of a variable; nil: not known, and updates are NaN.
func NormsOf(h *History, rate func(name string) float64) [][]ParameterSizes {
	if h == nil {
		return nil
	}
	all := make([][]ParameterSizes, len(h.Steps))
	if rate == nil {
		rate = func(string) float64 { return math.NaN() }
	}
	if !h.whole() || len(h.Names)%4 != 1 || h.Names[0] != lossRecord {
		return all
	}
	for _, values := range h.Values {
		for _, numbers := range values {
			if len(numbers) != 1 {
				return all
			}
		}
	}
	for k, values := range h.Values {
		for i := 1; i+3 < len(h.Names); i += 4 {
			name := strings.TrimSuffix(h.Names[i], normRecord)
			p := ParameterSizes{Name: name, Norm: values[i][0], Initial: values[i+1][0], Distance: values[i+2][0], Gradient: values[i+3][0]}
			p.Update = rate(name) * p.Gradient
			all[k] = append(all[k], p)
		}
	}
	return all
}
