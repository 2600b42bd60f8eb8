package probe

import (
	"cmp"
	"math"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
)

// LayerShift is how the gradient of a layer's weights changes as the layers below it make a training step: internal covariate shift as
// Santurkar et al. define it (2018, definition 2.1). The layer itself and those above it stay.
type LayerShift struct {
	Layer    string  // such as "hidden_2"
	Gradient float64 // Euclidean norm of the weights' gradient before
	Change   float64 // Euclidean norm of the difference between the gradients after and before
	Cosine   float64 // between the gradients before and after; NaN where one is 0
}

// CovariateShift takes the gradient of the weights of each layer but the first, on the next minibatch, before and after all layers
// below it have made the next training step. rate is the learning rate of a variable, as of Network.Rate. A layer is the outermost scope
// of a variable's path, and its weights are its first variable of two axes or more. See ShiftsOf.
func CovariateShift(rate func(variable string) float64) Hook {
	return Hook{Name: "shift", Graph: func(l *Look) {
		images, labels := l.Minibatch()
		layers := l.weights(images)
		m := l.moving(rate)
		stepped, _ := m.step(m.gradients(), 1)
		for i, at := range layers {
			if i == 0 {
				continue
			}
			values := l.Values()
			for k, v := range l.state.Variables {
				if slices.ContainsFunc(layers[:i], func(below int) bool { return scopeOf(v.Name) == scopeOf(l.state.Variables[below].Name) }) {
					values[k] = stepped[k]
				}
			}
			name := l.state.Variables[at].Name
			before := l.Gradient(name)
			after := Gradient(l.CrossEntropy(l.At(values, images), labels), values[at])[0]
			lists := func(nodes ...*Node) []*Node { return nodes }
			l.Record(scopeOf(name)+shiftRecord, Stack(lists(norms(lists(before)), norms(lists(Sub(after, before))),
				Div(inner(lists(before), lists(after)), Mul(norms(lists(before)), norms(lists(after))))), 0))
		}
	}}
}

const shiftRecord = " gradient shift"

// scopeOf returns the layer that a variable belongs to: the outermost scope of its path.
func scopeOf(variable string) string {
	layer, _, _ := strings.Cut(variable, "/")
	return layer
}

// weights returns the layers' weights, by their indices among the variables, in the order in which the network uses them.
func (l *Look) weights(images *Node) []int {
	order := map[string]int{}
	for i, layer := range l.Layers(images) {
		if _, ok := order[scopeOf(layer.Name)]; !ok {
			order[scopeOf(layer.Name)] = i
		}
	}
	place := func(at int) int { // the layer of the logits is no hidden one, and the last
		if i, ok := order[scopeOf(l.state.Variables[at].Name)]; ok {
			return i
		}
		return math.MaxInt
	}
	var all []int
	for i, v := range l.state.Variables {
		same := func(other int) bool { return scopeOf(l.state.Variables[other].Name) == scopeOf(v.Name) }
		if v.Trainable && v.Value.Rank() >= 2 && !slices.ContainsFunc(all, same) {
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(place(a), place(b)) })
	return all
}

// ShiftsOf returns what a history of CovariateShift says, [step][layer]; nothing of a history of another hook.
func ShiftsOf(h *History) [][]LayerShift {
	if !h.whole() {
		return nil
	}
	all := make([][]LayerShift, len(h.Steps))
	for k, values := range h.Values {
		for i, name := range h.Names {
			layer, ok := strings.CutSuffix(name, shiftRecord)
			if !ok || len(values[i]) != 3 {
				return nil
			}
			all[k] = append(all[k], LayerShift{layer, values[i][0], values[i][1], values[i][2]})
		}
	}
	return all
}

// Moments takes the mean and the standard deviation of every unit over the first validation images, in training mode, at each of
// Look.Layers. How they move from look to look is internal covariate shift as Ioffe and Szegedy put it (2015, section 1): the change of
// the distribution of a layer's inputs as the layers below it learn. See Moved.
func Moments(images int) Hook {
	return Hook{Name: "moments", Graph: func(l *Look) {
		x, _ := l.Validation(images)
		for _, layer := range l.Layers(x) {
			values := Reshape(layer.Node, x.Shape().Dim(0), -1)
			mean := ReduceAndKeep(values, ReduceMean, 0)
			name := layer.Name + " " + layer.Kind.String()
			l.Record(name+meanRecord, mean)
			l.Record(name+stdRecord, Sqrt(ReduceMean(Square(Sub(values, mean)), 0)))
		}
	}}
}

const (
	meanRecord = " mean"
	stdRecord  = " std"
)

// Moved returns how far the units' means have moved between two looks of Moments, at a layer: the root mean square, over the units, of
// the difference in units of the standard deviation that the unit had at the first look. Units that were constant are left out. kind is
// where in the layer. NaN, if there is nothing of that name, or no look at one of the steps.
func Moved(h *History, layer string, kind SignalKind, from, to int) float64 {
	name := layer + " " + kind.String()
	before, after, std := h.At(from, name+meanRecord), h.At(to, name+meanRecord), h.At(from, name+stdRecord)
	if len(before) != len(after) || len(before) != len(std) {
		return math.NaN()
	}
	sum, units := 0.0, 0.0
	for i := range before {
		if std[i] != 0 {
			sum, units = sum+math.Pow((after[i]-before[i])/std[i], 2), units+1
		}
	}
	return math.Sqrt(sum / units)
}
