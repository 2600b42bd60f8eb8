package bnlib

import (
	"errors"
	"fmt"
	"math"
)

// Fold returns the article's network without batch normalization that computes, in inference, what the run's network with it
// computes. Each hidden layer takes in its batch normalization:
//
//	W' = W·gamma/σ    b' = beta − mean·gamma/σ    σ = √(variance + epsilon)
//
// mean and variance being the moving averages; W is [inputs, units], and a unit's factor multiplies its column. The result
// has Network and Weights and nothing else of a run.
//
// A run of a network without batch normalization, with a model function of its own, or without weights is an error.
func Fold(run *Run) (*Run, error) {
	if run == nil {
		return nil, errors.New("bnlib: Fold: run is nil; allowed: a run with weights")
	}
	n := run.Network
	switch {
	case n.Model != nil:
		return nil, errors.New("bnlib: Fold: Experiment.Model is set; allowed: nil, the article's network")
	case n.Norm.Layer != nil:
		return nil, errors.New("bnlib: Fold: Network.Norm.Layer is set; allowed: nil, with batch normalization of linear outputs")
	case n.Norm.Apply == nil:
		return nil, errors.New("bnlib: Fold: Network.Norm is none; allowed: Batch")
	}
	folded := &Run{Network: n, Test: math.NaN()}
	folded.Network.Norm = None
	for i := range n.Hidden {
		layer := fmt.Sprintf("hidden_%d", i+1)
		parts := make([]Weight, 5)
		for k, name := range []string{"dense/weights", "batch_norm/gamma", "batch_norm/beta", "batch_norm/moving_mean", "batch_norm/moving_variance"} {
			var ok bool
			if parts[k], ok = run.Weight(layer + "/" + name); !ok {
				return nil, fmt.Errorf("bnlib: Fold: the run has no weights %s/%s", layer, name)
			}
		}
		units := len(parts[1].Values)
		for k, part := range parts {
			if k > 0 && len(part.Values) != units || k == 0 && (len(part.Dims) != 2 || part.Dims[1] != units || len(part.Values) != part.Dims[0]*units) {
				return nil, fmt.Errorf("bnlib: Fold: the run's weights %s are %v; allowed: those of %d units, as many as %s has", part.Name, part.Dims, units, parts[1].Name)
			}
		}
		w, bias := foldLayer(parts[0], parts[1].Values, parts[2].Values, parts[3].Values, parts[4].Values)
		bias.Name = layer + "/dense/biases"
		folded.Weights = append(folded.Weights, bias, w)
	}
	for _, name := range []string{"logits/dense/biases", "logits/dense/weights"} {
		w, ok := run.Weight(name)
		if !ok {
			return nil, fmt.Errorf("bnlib: Fold: the run has no weights %s", name)
		}
		folded.Weights = append(folded.Weights, w)
	}
	return folded, nil
}

// foldLayer computes in float64 and rounds once. w is [inputs, units], the others are [units].
func foldLayer(w Weight, gamma, beta, mean, variance []float32) (folded, bias Weight) {
	units := len(gamma)
	factors, shift := inInference(gamma, beta, mean, variance)
	bias = Weight{Dims: []int{units}, Trainable: true, Values: make([]float32, units)}
	for u, s := range shift {
		bias.Values[u] = float32(s)
	}
	folded = w
	folded.Values = make([]float32, len(w.Values))
	for i, value := range w.Values {
		folded.Values[i] = float32(float64(value) * factors[i%units])
	}
	return folded, bias
}

// inInference returns what batch normalization with given averages makes of a unit's x, x·factor + shift: factor is gamma/σ,
// shift is beta − mean·gamma/σ, with σ = √(variance + epsilon). All are [units].
func inInference(gamma, beta, mean, variance []float32) (factors, shifts []float64) {
	factors, shifts = make([]float64, len(gamma)), make([]float64, len(gamma))
	for u := range gamma {
		factors[u] = float64(gamma[u]) / math.Sqrt(float64(variance[u])+Epsilon)
		shifts[u] = float64(beta[u]) - float64(mean[u])*factors[u]
	}
	return factors, shifts
}
