package bnlib

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestInitialWeights compares them with what a training at rate 0 leaves behind, which is where it started.
func TestInitialWeights(t *testing.T) {
	for _, n := range short(4).Pair() {
		n.LearningRate, n.Steps, n.Seed = 0, 1, 5
		weights, err := n.InitialWeights()
		if err != nil {
			t.Fatal(err)
		}
		runs, err := Train(context.Background(), []Network{n}, options(t))
		if err != nil {
			t.Fatal(err)
		}
		same := slices.EqualFunc(weights, runs[0].Weights, func(a, b Weight) bool {
			return a.Name == b.Name && slices.Equal(a.Dims, b.Dims) && a.Trainable == b.Trainable &&
				(!a.Trainable || sameBits(a.Values, b.Values)) // a step moves the moving averages
		})
		if !same {
			t.Errorf("%s: the weights differ from those that training starts from", n.describe())
		}
	}
	n := Network{Experiment: short(1)}
	n.InitStd = -1
	if _, err := n.InitialWeights(); err == nil || !strings.Contains(err.Error(), "InitStd is -1") {
		t.Errorf("error %v", err)
	}
}

// TestBatches trains a network of one layer that does not learn on the batches and compares its losses, which then depend on
// nothing else, with those of a training in chunks that end with an odd one.
func TestBatches(t *testing.T) {
	e := short(1)
	e.Steps, e.Every, e.LearningRate, e.Hidden = 7, 3, 0, []int{5}
	batches, err := e.Batches(0)
	if err != nil {
		t.Fatal(err)
	}
	runs, err := Train(context.Background(), []Network{{Experiment: e}}, options(t))
	if err != nil {
		t.Fatal(err)
	}
	var losses []float64
	for _, index := range batches {
		losses = append(losses, plainStep(plainNetwork(e, false), mnist(t).Train, index, e.Activation, 0))
	}
	if d := largestDifference(widen64(runs[0].Losses), losses); len(batches) != e.Steps || !(d < 1e-5) {
		t.Errorf("%d batches; their losses\n%v, in training\n%v", len(batches), losses, runs[0].Losses)
	}
	seen := map[int32]bool{}
	few, err := e.Batches(60)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range few[0] {
		seen[i] = true
	}
	if len(seen) != 60 {
		t.Errorf("a pass over 60 images shows %d of them", len(seen))
	}
	if _, err := e.Batches(59); err == nil || !strings.Contains(err.Error(), "Batch is 60") {
		t.Errorf("a batch above the training set: error %v", err)
	}
}
