package bnlib

import (
	"context"
	"math"
	"slices"
	"testing"

	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// plainLayer is one layer of a network in plain Go and float64: product, then batch normalization or bias, then activation.
type plainLayer struct {
	in, out        int
	w, bias        []float64
	gamma, beta    []float64 // nil without batch normalization
	mean, variance []float64 // moving averages

	x, normalized, y, sigma []float64
}

func (l *plainLayer) forward(x []float64, act activation.Type) []float64 {
	batch := len(x) / l.in
	l.x, l.y = x, make([]float64, batch*l.out)
	for b := range batch {
		for o := range l.out {
			sum := 0.0
			for i := range l.in {
				sum += x[b*l.in+i] * l.w[i*l.out+o]
			}
			l.y[b*l.out+o] = sum
			if l.gamma == nil {
				l.y[b*l.out+o] += l.bias[o]
			}
		}
	}
	if l.gamma != nil {
		l.normalized, l.sigma = make([]float64, len(l.y)), make([]float64, l.out)
		for o := range l.out {
			var mean, variance float64
			for b := range batch {
				mean += l.y[b*l.out+o] / float64(batch)
			}
			for b := range batch {
				variance += math.Pow(l.y[b*l.out+o]-mean, 2) / float64(batch)
			}
			l.sigma[o] = math.Sqrt(variance + 1e-3)
			l.mean[o] = .99*l.mean[o] + .01*mean
			l.variance[o] = .99*l.variance[o] + .01*variance
			for b := range batch {
				i := b*l.out + o
				l.normalized[i] = (l.y[i] - mean) / l.sigma[o]
				l.y[i] = l.gamma[o]*l.normalized[i] + l.beta[o]
			}
		}
	}
	for i, y := range l.y {
		switch act {
		case activation.TypeRelu:
			l.y[i] = max(y, 0)
		case activation.TypeSigmoid:
			l.y[i] = 1 / (1 + math.Exp(-y))
		}
	}
	return l.y
}

// backward takes the gradient with respect to the layer's output, updates the layer and returns that of its input.
func (l *plainLayer) backward(dy []float64, act activation.Type, rate float64) []float64 {
	batch := len(dy) / l.out
	d := make([]float64, len(dy))
	for i, y := range l.y {
		switch act {
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
	for o := range l.out {
		var dbeta, dgamma float64
		for b := range batch {
			dbeta += d[b*l.out+o]
			if l.gamma != nil {
				dgamma += d[b*l.out+o] * l.normalized[b*l.out+o]
			}
		}
		if l.gamma == nil {
			l.bias[o] -= rate * dbeta
			continue
		}
		// Ioffe and Szegedy (2015), section 3, in the form that sums gradients instead of those of mean and variance.
		for b := range batch {
			i := b*l.out + o
			d[i] = l.gamma[o] / l.sigma[o] * (d[i] - dbeta/float64(batch) - l.normalized[i]*dgamma/float64(batch))
		}
		l.gamma[o] -= rate * dgamma
		l.beta[o] -= rate * dbeta
	}
	dx := make([]float64, len(l.x))
	dw := make([]float64, len(l.w))
	for b := range batch {
		for i := range l.in {
			for o := range l.out {
				dx[b*l.in+i] += d[b*l.out+o] * l.w[i*l.out+o]
				dw[i*l.out+o] += d[b*l.out+o] * l.x[b*l.in+i]
			}
		}
	}
	for i := range l.w {
		l.w[i] -= rate * dw[i]
	}
	return dx
}

// plainNetwork returns the network of an experiment before training.
func plainNetwork(e Experiment, batchNorm bool) []*plainLayer {
	var plain []*plainLayer
	in := data.Pixels
	for k, out := range slices.Concat(e.Hidden, []int{data.Classes}) {
		l := &plainLayer{in: in, out: out, w: widen64(normals(e.Seed, k, in*out, e.InitStd)), bias: make([]float64, out)}
		if batchNorm && k < len(e.Hidden) {
			l.gamma, l.beta = ones(out), make([]float64, out)
			l.mean, l.variance = make([]float64, out), ones(out)
		}
		plain = append(plain, l)
		in = out
	}
	return plain
}

// TestAgainstPlainGo trains small networks here and in plain Go, written from the equations, with loops.
func TestAgainstPlainGo(t *testing.T) {
	for _, act := range []activation.Type{activation.TypeRelu, activation.TypeSigmoid} {
		for _, batchNorm := range []bool{false, true} {
			e := Experiment{InitStd: 0.3, LearningRate: 0.5, Activation: act, Hidden: []int{6, 5}, Batch: 8, Steps: 12, Every: 5, Seed: 3}
			n := Network{Experiment: e, BatchNorm: batchNorm}
			runs, err := Train(context.Background(), []Network{n}, options(t))
			if err != nil {
				t.Fatal(err)
			}
			run := runs[0]

			plain := plainNetwork(e, batchNorm)
			train := mnist(t).Train
			order := newBatchOrder(e.Seed, train.Len())
			var losses []float64
			for range e.Steps {
				index := make([]int32, e.Batch)
				order.fill(index)
				losses = append(losses, plainStep(plain, train, index, act, e.LearningRate))
			}

			if d := largestDifference(widen64(run.Losses), losses); !(d < 1e-5) {
				t.Errorf("%v, batch norm %v: losses differ by %.3g of the largest:\n%v, plain Go\n%v", act, batchNorm, d, run.Losses, losses)
			}
			want := map[string][]float64{}
			for k, name := range []string{"hidden_1/", "hidden_2/", "logits/"} {
				l := plain[k]
				want[name+"dense/weights"] = l.w
				if l.gamma == nil {
					want[name+"dense/biases"] = l.bias
					continue
				}
				want[name+"batch_norm/gamma"], want[name+"batch_norm/beta"] = l.gamma, l.beta
				want[name+"batch_norm/moving_mean"], want[name+"batch_norm/moving_variance"] = l.mean, l.variance
			}
			if len(want) != len(run.Weights) {
				t.Errorf("%d variables, want %d", len(run.Weights), len(want))
			}
			for _, w := range run.Weights {
				if d := largestDifference(widen64(w.Values), want[w.Name]); !(d < 1e-4) {
					t.Errorf("%v, batch norm %v: %s differs by %.3g of its largest element", act, batchNorm, w.Name, d)
				}
			}
		}
	}
}

// plainStep makes one step of gradient descent and returns the loss before it.
func plainStep(network []*plainLayer, set data.Set, index []int32, act activation.Type, rate float64) float64 {
	var x []float64
	for _, i := range index {
		for _, pixel := range set.Image(int(i)) {
			x = append(x, float64(pixel)/255)
		}
	}
	last := len(network) - 1
	for k, l := range network {
		if k == last {
			x = l.forward(x, activation.TypeNone)
		} else {
			x = l.forward(x, act)
		}
	}
	loss, d := 0.0, make([]float64, len(x))
	for b, i := range index {
		logits := x[b*data.Classes : (b+1)*data.Classes]
		sum := 0.0
		for _, v := range logits {
			sum += math.Exp(v)
		}
		label := int(set.Labels[i])
		loss += (math.Log(sum) - logits[label]) / float64(len(index))
		for c, v := range logits {
			d[b*data.Classes+c] = math.Exp(v) / sum / float64(len(index))
		}
		d[b*data.Classes+label] -= 1 / float64(len(index))
	}
	for k := last; k >= 0; k-- {
		if k == last {
			d = network[k].backward(d, activation.TypeNone, rate)
		} else {
			d = network[k].backward(d, act, rate)
		}
	}
	return loss
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}
