package bnlib

import (
	"context"
	"strings"
	"testing"

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
	runs, err := Compare(context.Background(), e, options(t))
	if err != nil {
		t.Fatal(err)
	}
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
		if d := largestDifference(widen64(run.Losses), losses); !(d < 1e-4) {
			t.Errorf("%s: losses are off by %.3g of the largest:\n%v, with GoMLX's trainer\n%v", run.Network.describe(), d, run.Losses, losses)
		}
	}
	e.Batch = 0
	if _, err := e.Dataset(mnist(t)); err == nil || !strings.Contains(err.Error(), "Batch is 0") {
		t.Errorf("a batch of none: error %v", err)
	}
}
