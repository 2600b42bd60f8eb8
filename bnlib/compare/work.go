package main

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/data"
)

// work is what the programs are timed on: networks that all see the same minibatches.
type work struct {
	name     string // of its folder
	title    string
	networks []bnlib.Network
}

func pairWork(steps int) work {
	return work{"pair", "a pair", networks(steps, bnlib.Article(1))}
}

func studyWork(steps int) work {
	return work{"study", "the study, sixteen networks", networks(steps, bnlib.ArticleAll()...)}
}

// sweepWork is a sweep of learning rates from 0.01 to 1, a pair of networks each.
func sweepWork(count, steps int) work {
	var experiments []bnlib.Experiment
	for i := range count / 2 {
		e := bnlib.Article(1)
		e.LearningRate = math.Pow(10, -2+2*float64(i)/float64(max(1, count/2-1)))
		experiments = append(experiments, e)
	}
	return work{fmt.Sprintf("sweep_%d", count), fmt.Sprintf("%d networks", count), networks(steps, experiments...)}
}

func networks(steps int, experiments ...bnlib.Experiment) []bnlib.Network {
	var all []bnlib.Network
	for _, e := range experiments {
		e.Steps, e.Every = steps, min(e.Every, steps)
		all = append(all, e.Pair()...)
	}
	return all
}

// steps returns the network-steps of a turn.
func (w work) steps() int {
	steps := 0
	for _, n := range w.networks {
		steps += n.Steps
	}
	return steps
}

// stepFLOP returns the floating-point operations of a network's training step: two for each weight and image in the
// product of each layer, forward, for the gradient of the weights, and for that of the layer's input, which the first layer
// does not need. Activations, batch normalization and the update are left out.
func stepFLOP(n bnlib.Network) float64 {
	flop, in := 0, data.Pixels
	for i, out := range append(append([]int{}, n.Hidden...), data.Classes) {
		products := 3
		if i == 0 {
			products = 2
		}
		flop += products * 2 * n.Batch * in * out
		in = out
	}
	return float64(flop)
}
