package probe

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
)

// Sharpness is the largest eigenvalue of the loss's Hessian, after some step.
type Sharpness struct {
	Step       int
	Eigenvalue float64 // λ, the largest: the steepest curvature upwards
	Residual   float64 // ‖Hv − λv‖/|λ| of the unit vector v that the iteration ends with: an eigenvalue is within this share of λ
	Iterations int
	Weights    float64 // ‖w‖, Euclidean norm of the variables that count
}

// Relative returns the eigenvalue where the unit of length is the norm of the variables that count, λ·‖w‖². It does not change where
// all of these are multiplied by a factor that leaves the loss as it is.
func (s Sharpness) Relative() float64 { return s.Eigenvalue * s.Weights * s.Weights }

const (
	curvatureIterations = 300
	curvatureResidual   = 0.01 // at which the iteration ends
)

// Curvature takes the largest eigenvalue of the Hessian of the loss on the first images of the training set, in training mode, by power
// iteration from the gradient on: v ← (H + s)v, divided by its norm, where s is the largest ‖Hv‖ so far, so that no eigenvalue below 0 is
// found, however large. Hv is the gradient of ∂L/∂w·v, v held constant (Pearlmutter 1994); no matrix is formed. The Hessian is that with
// respect to the variables of which counts says so; nil: all that are trained. Where ReLU has its kink, the second derivative is 0: what
// the gradient does as units cross it is no part of it. See SharpnessOf.
//
// The loop runs on the device, so it takes a backend with loops and gradients in them: XLA.
func Curvature(counts func(variable string) bool, images int) Hook {
	return Hook{Name: "curvature", Graph: func(l *Look) {
		m := l.moving(func(variable string) float64 {
			if counts == nil || counts(variable) {
				return 1
			}
			return 0
		})
		x, labels := l.Training(images)
		results := l.powerIteration(m, x, labels)
		l.Record(curvatureRecord, results[eigenvalueState])
		l.Record(residualRecord, results[residualState])
		l.Record(iterationsRecord, results[iterationState])
		l.Record(countedRecord, results[weightsState])
	}}
}

const (
	curvatureRecord  = "eigenvalue"
	residualRecord   = "residual"
	iterationsRecord = "iterations"
	countedRecord    = "weights"
)

// The state of the iteration is these scalars, then the vector, the images, their labels and the values of all variables.
const (
	iterationState = iota
	eigenvalueState
	residualState
	shiftState
	weightsState
	scalarStates
)

// powerIteration returns the last state of the iteration.
func (l *Look) powerIteration(m moving, images, labels *Node) []*Node {
	g := images.Graph()
	// The graph caches scalars, and would hand those made in the loop's body to what is built after it: nothing is.
	state := []*Node{Const(g, int32(0)), Const(g, float32(0)), Const(g, float32(1)), Const(g, float32(0)), Const(g, float32(0))}
	state = append(state, m.values()...) // replaced by the gradient in the first iteration
	data := len(state)
	state = append(append(state, images, labels), l.Values()...)
	parameters := func(g *Graph) []*Node {
		nodes := make([]*Node, len(state))
		for i, s := range state {
			nodes[i] = Parameter(g, fmt.Sprintf("power_%d", i), s.Shape())
		}
		return nodes
	}
	condition := NewClosure(g, func(g *Graph) []*Node {
		s := parameters(g)
		more := LessThan(s[iterationState], Const(g, int32(curvatureIterations)))
		return []*Node{And(more, GreaterThan(s[residualState], Const(g, float32(curvatureResidual))))} // NaN is not greater
	})
	body := NewClosure(g, func(g *Graph) []*Node {
		s := parameters(g)
		images, labels, values := s[data], s[data+1], s[data+2:]
		var counted []*Node
		for _, at := range m.at {
			counted = append(counted, values[at])
		}
		gradients := Gradient(l.CrossEntropy(l.At(values, images), labels), counted...)
		first := Equal(s[iterationState], Const(g, int32(0)))
		v := make([]*Node, len(counted))
		for i := range v {
			v[i] = Where(BroadcastToShape(first, counted[i].Shape()), gradients[i], s[scalarStates+i])
		}
		v = unit(v)
		for i := range v {
			v[i] = StopGradient(v[i])
		}
		product := Gradient(inner(gradients, v), counted...)
		eigenvalue, shift := inner(product, v), Max(norms(product), s[shiftState])
		rest := make([]*Node, len(v))
		for i := range v {
			rest[i] = Sub(product[i], Mul(v[i], eigenvalue))
			s[scalarStates+i] = Add(product[i], Mul(v[i], shift))
		}
		s[eigenvalueState], s[residualState] = eigenvalue, Div(norms(rest), Abs(eigenvalue))
		s[shiftState], s[weightsState] = shift, norms(counted)
		s[iterationState] = Add(s[iterationState], Const(g, int32(1)))
		return s
	})
	return While(condition, body, state...)
}

// unit divides a vector, the numbers of all nodes, by its norm.
func unit(v []*Node) []*Node {
	length := norms(v)
	unit := make([]*Node, len(v))
	for i := range v {
		unit[i] = Div(v[i], length)
	}
	return unit
}

// SharpnessOf returns what a history of Curvature says, step by step; nothing of a history of another hook.
func SharpnessOf(h *History) []Sharpness {
	if !h.whole() || len(h.Names) != 4 || h.Names[0] != curvatureRecord {
		return nil
	}
	var all []Sharpness
	for k, values := range h.Values {
		for _, numbers := range values {
			if len(numbers) != 1 {
				return nil
			}
		}
		all = append(all, Sharpness{h.Steps[k], values[0][0], values[1][0], int(values[2][0]), values[3][0]})
	}
	return all
}
