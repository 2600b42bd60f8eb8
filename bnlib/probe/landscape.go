package probe

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Landscape is the loss along the gradient, after some step: what a step of gradient descent on the next minibatch meets on its way
// (Santurkar et al. 2018, section 3.1 and figure 4).
type Landscape struct {
	Step      int
	Multiples []float64 // of the learning rate at which it was looked, in their order
	Loss      []float64 // there, on the next minibatch, in nats
	Change    []float64 // there, Euclidean norm of the difference between the gradient and the one at the start
	Distance  []float64 // to there from the start, Euclidean
	Start     float64   // loss at the start
	Gradient  float64   // Euclidean norm, at the start
	Weights   float64   // Euclidean norm of the variables that move, at the start
}

// Range returns the lowest and the highest loss, the start included.
func (l Landscape) Range() (low, high float64) {
	low, high = l.Start, l.Start
	for _, loss := range l.Loss {
		low, high = math.Min(low, loss), math.Max(high, loss) // NaN stays NaN
	}
	return low, high
}

// MostChange returns the largest change of the gradient.
func (l Landscape) MostChange() float64 {
	most := 0.0
	for _, change := range l.Change {
		most = math.Max(most, change)
	}
	return most
}

// Smoothness returns the effective β-smoothness: the largest change of the gradient over the distance in which it changes. The
// smaller, the smoother; where the loss is a parabola along the gradient, it is its second derivative.
func (l Landscape) Smoothness() float64 {
	most := 0.0
	for i, change := range l.Change {
		most = math.Max(most, change/l.Distance[i])
	}
	return most
}

// Relative returns the effective β-smoothness where the unit of length is the norm of the variables that move, β·‖w‖². It does not
// change where all of these are multiplied by a factor that leaves the loss as it is.
func (l Landscape) Relative() float64 { return l.Smoothness() * l.Weights * l.Weights }

// Along steps along the gradient of the next minibatch's loss, with multiples of a training step's length, from the same start each
// time, and takes there the loss on that minibatch and its gradient. rate is the learning rate of a variable, as of Network.Rate; one
// whose rate is 0 stays, and does not count. See LandscapeOf.
func Along(rate func(variable string) float64, multiples ...float64) Hook {
	return Hook{Name: "along the gradient", Graph: func(l *Look) {
		if len(multiples) == 0 {
			exceptions.Panicf("probe: Along: multiples are none; allowed: one or more")
		}
		m := l.moving(rate)
		start := m.gradients()
		l.Record(startRecord, l.Loss())
		l.Record(lengthRecord, norms(start))
		l.Record(weightsRecord, norms(m.values()))
		for _, multiple := range multiples {
			if !(math.Abs(multiple) > 0) || math.IsInf(multiple, 0) {
				exceptions.Panicf("probe: Along: a multiple is %v; allowed: finite numbers other than 0", multiple)
			}
			values, moves := m.step(start, multiple)
			loss, gradients := m.gradientsAt(values)
			for i := range gradients {
				gradients[i] = Sub(gradients[i], start[i])
			}
			l.Record(fmt.Sprintf("at %g", multiple), Stack([]*Node{loss, norms(gradients), norms(moves)}, 0))
		}
	}}
}

const (
	startRecord   = "loss"
	lengthRecord  = "gradient"
	weightsRecord = "weights"
)

// LandscapeOf returns what a history of Along says, step by step; nothing of a history of another hook.
func LandscapeOf(h *History) []Landscape {
	if !h.whole() || len(h.Names) < 4 || h.Names[0] != startRecord || h.Names[1] != lengthRecord || h.Names[2] != weightsRecord {
		return nil
	}
	var all []Landscape
	for k, values := range h.Values {
		if len(values[0]) != 1 || len(values[1]) != 1 || len(values[2]) != 1 {
			return nil
		}
		one := Landscape{Step: h.Steps[k], Start: values[0][0], Gradient: values[1][0], Weights: values[2][0]}
		for i, name := range h.Names[3:] {
			var multiple float64
			if _, err := fmt.Sscanf(name, "at %g", &multiple); err != nil || len(values[3+i]) != 3 {
				return nil
			}
			at := values[3+i]
			one.Multiples = append(one.Multiples, multiple)
			one.Loss, one.Change, one.Distance = append(one.Loss, at[0]), append(one.Change, at[1]), append(one.Distance, at[2])
		}
		all = append(all, one)
	}
	return all
}

// moving is a network of which some variables move, those with a rate above 0.
type moving struct {
	l     *Look
	at    []int // of the variables that move
	rates []float64
}

func (l *Look) moving(rate func(variable string) float64) moving {
	if rate == nil {
		exceptions.Panicf("probe: rate is nil; allowed: a function, such as Network.Rate")
	}
	m := moving{l: l}
	for i, v := range l.state.Variables {
		if !v.Trainable {
			continue
		}
		r := rate(v.Name)
		if !(r >= 0) || math.IsInf(r, 1) {
			exceptions.Panicf("probe: the rate of %q is %v; allowed: a finite number, 0 or above", v.Name, r)
		}
		if r > 0 {
			m.at, m.rates = append(m.at, i), append(m.rates, r)
		}
	}
	if len(m.at) == 0 {
		exceptions.Panicf("probe: no variable moves or counts; allowed: one at least")
	}
	return m
}

// values returns those of the variables that move.
func (m moving) values() []*Node {
	values := make([]*Node, len(m.at))
	for i, at := range m.at {
		values[i] = m.l.state.Variables[at].Value
	}
	return values
}

// gradients returns those of the next minibatch's loss with respect to the variables that move.
func (m moving) gradients() []*Node {
	gradients := make([]*Node, len(m.at))
	for i, at := range m.at {
		gradients[i] = m.l.Gradient(m.l.state.Variables[at].Name)
	}
	return gradients
}

// step returns all values after a step along the gradients, of a multiple of its length, and by what those that move do.
func (m moving) step(gradients []*Node, multiple float64) (values, moves []*Node) {
	values = m.l.Values()
	for i, at := range m.at {
		// The step depends on the variables, but it is taken as it is: the gradient after it does not look through it.
		moves = append(moves, StopGradient(MulScalar(gradients[i], -multiple*m.rates[i])))
		values[at] = Add(values[at], moves[i])
	}
	return values, moves
}

// gradientsAt returns the next minibatch's loss where all variables have the given values, and its gradients with respect to those
// that move.
func (m moving) gradientsAt(values []*Node) (loss *Node, gradients []*Node) {
	images, labels := m.l.Minibatch()
	loss = m.l.CrossEntropy(m.l.At(values, images), labels)
	var moved []*Node
	for _, at := range m.at {
		moved = append(moved, values[at])
	}
	return loss, Gradient(loss, moved...)
}

// norms returns the Euclidean norm of all nodes together, a scalar.
func norms(nodes []*Node) *Node { return Sqrt(inner(nodes, nodes)) }

// inner returns the inner product of two lists of nodes, all numbers of each taken as one vector.
func inner(a, b []*Node) *Node {
	var sum *Node
	for i := range a {
		product := ReduceAllSum(Mul(a[i], b[i]))
		if sum == nil {
			sum = product
		} else {
			sum = Add(sum, product)
		}
	}
	return sum
}
