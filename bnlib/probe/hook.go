// Package probe looks inside networks while they train. What looks is a value, a [Hook]: the steps at which it looks and what it
// adds to a graph. [Signals] and [Norms] are two of them; a reader writes another in a cell:
//
//	cosine := probe.Hook{Name: "cosine", Graph: func(l *probe.Look) {
//		w, g := l.Value("hidden_1/dense/weights"), l.Gradient("hidden_1/dense/weights")
//		l.Record("hidden_1", Div(ReduceAllSum(Mul(w, g)), Mul(L2Norm(w), L2Norm(g))))
//	}}
//
// Looking changes no number of the training.
package probe

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"batchnorm/data"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Hook says what to look at inside networks, and when.
type Hook struct {
	Name  string        // a run keeps under it what the hook recorded
	Steps []int         // after which to look, 0 being before the first; nil: at every evaluation, those of step 0 and the end included
	Graph func(l *Look) // builds what is computed, of the network as it is then
}

// At returns the hook with other steps.
func (h Hook) At(steps ...int) Hook {
	h.Steps = steps
	return h
}

// Validate returns an error for a hook that cannot be used in a training of the given number of steps.
func (h Hook) Validate(steps int) error {
	if h.Name == "" {
		return fmt.Errorf("probe: Hook.Name is empty; allowed: a name of its own for each hook")
	}
	if h.Graph == nil {
		return fmt.Errorf("probe: Hook.Graph of %q is nil; allowed: a function that builds what to compute", h.Name)
	}
	if h.Steps != nil && len(h.Steps) == 0 {
		return fmt.Errorf("probe: Hook.Steps of %q is empty; allowed: one step or more, or nil for every evaluation", h.Name)
	}
	for i, step := range h.Steps {
		if step < 0 || step > steps {
			return fmt.Errorf("probe: Hook.Steps[%d] of %q is %d; allowed: 0 to %d, the network's steps", i, h.Name, step, steps)
		}
	}
	return nil
}

// Look is a network as it is after some step, in the graph that a hook adds to.
type Look struct {
	state     State
	gradients []*Node // of the trainable variables, nil until asked for
	loss      *Node
	records   []Record
}

// State is what a Look is made of.
type State struct {
	Variables []Variable
	// Apply builds the network on images [n, 784] float32 with given values of its variables, in their order; logits are [n, 10].
	Apply func(values []*Node, images *Node, training bool) (logits *Node)
	// CrossEntropy is the mean over the images, a scalar. labels are [n] int32.
	CrossEntropy func(logits, labels *Node) *Node
	// The next step's minibatch, the training set and the validation set: images float32 in [0, 1], labels [n] int32. most
	// bounds how many images.
	Minibatch  func() (images, labels *Node)
	Training   func(most int) (images, labels *Node)
	Validation func(most int) (images, labels *Node)
}

// Variable is a variable of a network in a Look.
type Variable struct {
	Name      string // path within the network, such as "hidden_1/dense/weights"
	Trainable bool
	Value     *Node
	Initial   func() *Node // the value before the first step
}

// Record is something that a hook computes.
type Record struct {
	Name   string
	Node   *Node
	Reduce func(values []float32) []float64 // on the host
}

// NewLook returns a look at a state; it has no records yet.
func NewLook(s State) *Look { return &Look{state: s} }

// Records returns what the hook has recorded, in its order.
func (l *Look) Records() []Record { return l.records }

// Record keeps all numbers of a node, of any shape, under a name.
func (l *Look) Record(name string, node *Node) {
	l.Reduced(name, node, func(values []float32) []float64 {
		all := make([]float64, len(values))
		for i, v := range values {
			all[i] = float64(v)
		}
		return all
	})
}

// Reduced keeps what reduce makes, on the host, of the numbers of a node, row-major: always as many numbers. reduce may run on
// several networks at once. It is no part of what tells two hooks apart: to change it, change the hook's name.
func (l *Look) Reduced(name string, node *Node, reduce func(values []float32) []float64) {
	if slices.ContainsFunc(l.records, func(r Record) bool { return r.Name == name }) {
		exceptions.Panicf("probe: two records are called %q; allowed: a name of its own for each", name)
	}
	if name == "" || !utf8.ValidString(name) {
		exceptions.Panicf("probe: a record is called %q; allowed: any other name in UTF-8", name)
	}
	if node == nil || reduce == nil {
		exceptions.Panicf("probe: record %q has no node, or nothing that reduces it; allowed: both", name)
	}
	l.records = append(l.records, Record{name, node, reduce})
}

// Variables returns the network's variables.
func (l *Look) Variables() []Variable { return l.state.Variables }

func (l *Look) variable(name string) (int, Variable) {
	var names []string
	for i, v := range l.state.Variables {
		if v.Name == name {
			return i, v
		}
		names = append(names, v.Name)
	}
	exceptions.Panicf("probe: the network has no variable %q; allowed: one of %q", name, names)
	return 0, Variable{}
}

// Value returns a variable's value.
func (l *Look) Value(name string) *Node {
	_, v := l.variable(name)
	return v.Value
}

// Initial returns the value that a variable had before the first step.
func (l *Look) Initial(name string) *Node {
	_, v := l.variable(name)
	return v.Initial()
}

// Values returns all variables' values, in the order of Variables, to be changed and given to At.
func (l *Look) Values() []*Node {
	values := make([]*Node, len(l.state.Variables))
	for i, v := range l.state.Variables {
		values[i] = v.Value
	}
	return values
}

// Minibatch returns the images, [batch, 784] float32 in [0, 1], and labels, [batch] int32, of the step that comes next.
func (l *Look) Minibatch() (images, labels *Node) { return l.state.Minibatch() }

// Training returns the first images of the training set, at most as many as given.
func (l *Look) Training(most int) (images, labels *Node) {
	return l.state.Training(some(most))
}

// some asserts that a number of images is one.
func some(most int) int {
	if most < 1 {
		exceptions.Panicf("probe: most is %d; allowed: 1 image or more", most)
	}
	return most
}

// Validation returns the first images of the validation set, at most as many as given.
func (l *Look) Validation(most int) (images, labels *Node) { return l.state.Validation(some(most)) }

// Logits returns what the network makes of images, [n, 784], in training mode, with the statistics of these images: [n, 10].
func (l *Look) Logits(images *Node) *Node { return l.At(l.Values(), images) }

// Inference returns what the network makes of images, [n, 784], in inference, with its moving averages: [n, 10].
func (l *Look) Inference(images *Node) *Node { return l.apply(l.Values(), images, false) }

// InferenceAt returns what the network makes of images in inference with other values of its variables, in the order of Variables: with
// other moving averages, such as those of Exact.
func (l *Look) InferenceAt(values []*Node, images *Node) *Node { return l.apply(values, images, false) }

// At returns what the network makes of images in training mode with other values of its variables, in the order of Variables.
func (l *Look) At(values []*Node, images *Node) *Node { return l.apply(values, images, true) }

// apply builds the network, and asserts that it is given what it takes.
func (l *Look) apply(values []*Node, images *Node, training bool) *Node {
	checkImages(images)
	if len(values) != len(l.state.Variables) {
		exceptions.Panicf("probe: Look.At: values are %d; allowed: one for each of the network's %d variables", len(values), len(l.state.Variables))
	}
	for i, v := range l.state.Variables {
		if values[i] == nil || !values[i].Shape().Equal(v.Value.Shape()) {
			exceptions.Panicf("probe: Look.At: the value of %q is %s; allowed: %s", v.Name, shapeOf(values[i]), v.Value.Shape())
		}
	}
	return l.state.Apply(values, images, training)
}

// checkImages asserts that a network can be shown images.
func checkImages(images *Node) {
	if images == nil || images.Rank() != 2 || images.Shape().Dim(1) != data.Pixels || images.DType() != dtypes.Float32 {
		exceptions.Panicf("probe: images are %s; allowed: Float32 [n, %d]", shapeOf(images), data.Pixels)
	}
}

func shapeOf(node *Node) string {
	if node == nil {
		return "nil"
	}
	return node.Shape().String()
}

// CrossEntropy returns the mean cross-entropy of logits [n, 10] and labels [n] int32, in nats, a scalar.
func (l *Look) CrossEntropy(logits, labels *Node) *Node { return l.state.CrossEntropy(logits, labels) }

// Loss returns the training loss of the step that comes next, a scalar, in nats.
func (l *Look) Loss() *Node {
	if l.loss == nil {
		images, labels := l.Minibatch()
		l.loss = l.CrossEntropy(l.Logits(images), labels)
	}
	return l.loss
}

// Gradient returns the gradient of Loss with respect to a trainable variable.
func (l *Look) Gradient(name string) *Node {
	at, v := l.variable(name)
	if !v.Trainable {
		exceptions.Panicf("probe: variable %q is not trained; allowed: one that is", name)
	}
	if l.gradients == nil {
		var trainable []*Node
		var indices []int
		for i, v := range l.state.Variables {
			if v.Trainable {
				trainable, indices = append(trainable, v.Value), append(indices, i)
			}
		}
		l.gradients = make([]*Node, len(l.state.Variables))
		for i, gradient := range Gradient(l.Loss(), trainable...) {
			l.gradients[indices[i]] = gradient
		}
	}
	return l.gradients[at]
}
