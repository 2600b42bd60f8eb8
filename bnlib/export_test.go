package bnlib

import (
	"context"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/plain"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// TestTrainer trains both networks with GoMLX's own Trainer, from the same weights on the same minibatches, and compares the
// loss of every step. It checks our loop against GoMLX's as much as the dataset.
func TestTrainer(t *testing.T) {
	e := short(1)
	e.Batch, e.LearningRate = 20, 0.1
	runs := trained(t, options(t), e.Pair()...)
	ds, err := e.Dataset(mnist(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range runs {
		weights, err := run.Network.InitialWeights()
		if err != nil {
			t.Fatal(err)
		}
		store := model.NewStore()
		for _, w := range weights {
			v, err := store.CreateVariable("/"+w.Name, tensors.FromFlatDataAndDimensions(w.Values, w.Dims...))
			if err != nil {
				t.Fatal(err)
			}
			v.SetTrainable(w.Trainable)
		}
		sgd := optimizer.StochasticGradientDescent().WithDecay(false).WithLearningRate(e.LearningRate).Done()
		trainer := train.NewTrainer(testBackend(t), store, run.Network.Logits, loss.SparseCategoricalCrossEntropyLogits, sgd, nil, nil)
		var losses []float64
		for batch, err := range ds.Iter() {
			if err != nil {
				t.Fatal(err)
			}
			metrics, err := trainer.TrainStep(batch)
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, float64(tensors.ToScalar[float32](metrics[0])))
		}
		if d := plain.Difference(plain.Widen(run.Losses), losses); !(d < 1e-4) {
			t.Errorf("%s: losses are off by %.3g of the largest:\n%v, with GoMLX's trainer\n%v", run.Network.describe(), d, run.Losses, losses)
		}
	}
	e.Batch = 0
	if _, err := e.Dataset(mnist(t)); err == nil || !strings.Contains(err.Error(), "Batch is 0") {
		t.Errorf("a batch of none: error %v", err)
	}
}

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
		losses = append(losses, plain.New(e.Seed, e.InitStd, e.Activation, e.Hidden, false).Step(mnist(t).Train, index, plain.Descent(0)))
	}
	if d := plain.Difference(plain.Widen(runs[0].Losses), losses); len(batches) != e.Steps || !(d < 1e-5) {
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
