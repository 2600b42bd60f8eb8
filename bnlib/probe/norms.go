package probe

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// ParameterSizes describes one trainable variable at a step: Euclidean norms of its value, of the gradient on the minibatch
// of the next step, and of the update that this step makes, the variable's learning rate times the gradient. After the last step
// it is the step that would follow.
type ParameterSizes struct {
	Name                   string // path of the variable within the network, such as "hidden_1/dense/weights"
	Norm, Gradient, Update float64
}

// Ratio is the size of the update relative to the parameter's own; NaN for a parameter of zeros.
func (p ParameterSizes) Ratio() float64 {
	if p.Norm == 0 {
		return math.NaN()
	}
	return p.Update / p.Norm
}

// Norms takes the loss on the next step's minibatch, and of every trainable variable the Euclidean norms of its value and of the
// gradient. See NormsOf.
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
		l.Reduced(name+gradientRecord, l.Gradient(name), euclidean)
	}
}}

const (
	lossRecord     = "loss"
	normRecord     = " norm"
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

// NormsOf returns what a history of Norms says of each variable, [step][variable]. rate is the learning rate of a variable.
func NormsOf(h *History, rate func(name string) float64) [][]ParameterSizes {
	all := make([][]ParameterSizes, len(h.Steps))
	for k, values := range h.Values {
		for i := 1; i+1 < len(h.Names); i += 2 {
			name := h.Names[i][:len(h.Names[i])-len(normRecord)]
			p := ParameterSizes{Name: name, Norm: values[i][0], Gradient: values[i+1][0]}
			p.Update = rate(name) * p.Gradient
			all[k] = append(all[k], p)
		}
	}
	return all
}
