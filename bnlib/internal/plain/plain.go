// Package plain trains the article's networks in plain Go and float64, written from the equations, with loops. Tests hold the
// engine, and what looks inside it, to these numbers.
package plain

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib/internal/engine"
	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// Layer is product, then batch normalization or bias, then activation.
type Layer struct {
	Name           string // of its scope, such as "hidden_1"
	In, Out        int
	W, Bias        []float64
	Gamma, Beta    []float64 // nil without batch normalization
	Mean, Variance []float64 // moving averages
	Activation     activation.Type

	// Of the last forward pass: what went in, x·W, what the activation was given, what came out.
	X, Product, Pre, Y []float64
	normalized, sigma  []float64
}

// Network is a network's layers; the last gives the logits.
type Network []*Layer

// New returns the network of an experiment's settings before training.
func New(seed uint64, std float64, act activation.Type, hidden []int, batchNorm bool) Network {
	var n Network
	in := data.Pixels
	for k, out := range slices.Concat(hidden, []int{data.Classes}) {
		l := &Layer{Name: fmt.Sprintf("hidden_%d", k+1), In: in, Out: out, Activation: act,
			W: Widen(engine.Normals(seed, k, in*out, std)), Bias: make([]float64, out)}
		if k == len(hidden) {
			l.Name, l.Activation = "logits", activation.TypeNone
		} else if batchNorm {
			l.Gamma, l.Beta = ones(out), make([]float64, out)
			l.Mean, l.Variance = make([]float64, out), ones(out)
		}
		n = append(n, l)
		in = out
	}
	return n
}

// Trained returns the trainable variables by their names in bnlib.
func (n Network) Trained() map[string][]float64 {
	variables := map[string][]float64{}
	for _, l := range n {
		variables[l.Name+"/dense/weights"] = l.W
		if l.Gamma == nil {
			variables[l.Name+"/dense/biases"] = l.Bias
		} else {
			variables[l.Name+"/batch_norm/gamma"], variables[l.Name+"/batch_norm/beta"] = l.Gamma, l.Beta
		}
	}
	return variables
}

// Variables returns all variables, moving averages included.
func (n Network) Variables() map[string][]float64 {
	variables := n.Trained()
	for _, l := range n {
		if l.Gamma != nil {
			variables[l.Name+"/batch_norm/moving_mean"], variables[l.Name+"/batch_norm/moving_variance"] = l.Mean, l.Variance
		}
	}
	return variables
}

// Forward shows images, [n, 784] in [0, 1], to the network in training mode and returns the logits, [n, 10]. Moving averages move.
func (n Network) Forward(x []float64) []float64 {
	for _, l := range n {
		x = l.forward(x)
	}
	return x
}

func (l *Layer) forward(x []float64) []float64 {
	batch := len(x) / l.In
	l.X, l.Product = x, make([]float64, batch*l.Out)
	for b := range batch {
		for o := range l.Out {
			for i := range l.In {
				l.Product[b*l.Out+o] += x[b*l.In+i] * l.W[i*l.Out+o]
			}
		}
	}
	l.Pre = slices.Clone(l.Product)
	if l.Gamma != nil {
		l.normalize(batch)
	} else {
		for i := range l.Pre {
			l.Pre[i] += l.Bias[i%l.Out]
		}
	}
	l.Y = slices.Clone(l.Pre)
	for i, y := range l.Y {
		switch l.Activation {
		case activation.TypeRelu:
			l.Y[i] = max(y, 0)
		case activation.TypeSigmoid:
			l.Y[i] = 1 / (1 + math.Exp(-y))
		}
	}
	return l.Y
}

func (l *Layer) normalize(batch int) {
	l.normalized, l.sigma = make([]float64, len(l.Pre)), make([]float64, l.Out)
	for o := range l.Out {
		var mean, variance float64
		for b := range batch {
			mean += l.Product[b*l.Out+o] / float64(batch)
		}
		for b := range batch {
			variance += math.Pow(l.Product[b*l.Out+o]-mean, 2) / float64(batch)
		}
		l.sigma[o] = math.Sqrt(variance + 1e-3)
		l.Mean[o] = .99*l.Mean[o] + .01*mean
		l.Variance[o] = .99*l.Variance[o] + .01*variance
		for b := range batch {
			i := b*l.Out + o
			l.normalized[i] = (l.Product[i] - mean) / l.sigma[o]
			l.Pre[i] = l.Gamma[o]*l.normalized[i] + l.Beta[o]
		}
	}
}

// backward takes the gradient with respect to the layer's output and returns that of its input, before it lets update change the
// layer.
func (l *Layer) backward(dy []float64, update Update) []float64 {
	batch := len(dy) / l.Out
	d := make([]float64, len(dy))
	for i, y := range l.Y {
		switch l.Activation {
		case activation.TypeRelu:
			if y > 0 {
				d[i] = dy[i]
			}
		case activation.TypeSigmoid:
			d[i] = dy[i] * y * (1 - y)
		default:
			d[i] = dy[i]
		}
	}
	dbeta, dgamma := make([]float64, l.Out), make([]float64, l.Out)
	for i := range d {
		dbeta[i%l.Out] += d[i]
		if l.Gamma != nil {
			dgamma[i%l.Out] += d[i] * l.normalized[i]
		}
	}
	if l.Gamma != nil {
		// Ioffe and Szegedy (2015), section 3, in the form that sums gradients instead of those of mean and variance.
		for i := range d {
			o := i % l.Out
			d[i] = l.Gamma[o] / l.sigma[o] * (d[i] - dbeta[o]/float64(batch) - l.normalized[i]*dgamma[o]/float64(batch))
		}
	}
	dx := make([]float64, len(l.X))
	dw := make([]float64, len(l.W))
	for b := range batch {
		for i := range l.In {
			for o := range l.Out {
				dx[b*l.In+i] += d[b*l.Out+o] * l.W[i*l.Out+o]
				dw[i*l.Out+o] += d[b*l.Out+o] * l.X[b*l.In+i]
			}
		}
	}
	update(l.Name+"/dense/weights", l.W, dw)
	if l.Gamma == nil {
		update(l.Name+"/dense/biases", l.Bias, dbeta)
	} else {
		update(l.Name+"/batch_norm/gamma", l.Gamma, dgamma)
		update(l.Name+"/batch_norm/beta", l.Beta, dbeta)
	}
	return dx
}

// Update changes a variable by its gradient.
type Update func(name string, values, gradient []float64)

// Descent is gradient descent with one learning rate.
func Descent(rate float64) Update {
	return func(_ string, values, gradient []float64) {
		for i := range values {
			values[i] -= rate * gradient[i]
		}
	}
}

// Step makes one training step on the images of a set with the given indices and returns the loss before it.
func (n Network) Step(set data.Set, index []int32, update Update) float64 {
	logits := n.Forward(Widen(engine.Pick(set, index).Pixels()))
	loss, d := 0.0, make([]float64, len(logits))
	for b, i := range index {
		row := logits[b*data.Classes : (b+1)*data.Classes]
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(v)
		}
		label := int(set.Labels[i])
		loss += (math.Log(sum) - row[label]) / float64(len(index))
		for c, v := range row {
			d[b*data.Classes+c] = math.Exp(v) / sum / float64(len(index))
		}
		d[b*data.Classes+label] -= 1 / float64(len(index))
	}
	for _, l := range slices.Backward(n) {
		d = l.backward(d, update)
	}
	return loss
}

// Widen returns values as float64.
func Widen(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

// Difference is the largest |a−b|, divided by the largest |b|; NaN if one is NaN or there are not as many of both.
func Difference(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.NaN()
	}
	var difference, scale float64
	for i := range a {
		if d := math.Abs(a[i] - b[i]); d > difference || math.IsNaN(d) {
			difference = d
		}
		scale = max(scale, math.Abs(b[i]))
	}
	return difference / scale
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}
