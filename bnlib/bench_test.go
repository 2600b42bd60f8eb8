package bnlib

import (
	"context"
	"testing"
	"time"

	"batchnorm/data"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/dataset"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/metric"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// benchmarkSteps are enough that the second network's compilation, which falls into the time measured, does not count.
const benchmarkSteps = 20000

// BenchmarkPair trains the pair of experiment 1, with an evaluation on 5000 images every 500 steps, here and with GoMLX's own
// Trainer and Loop, in turn, and reports network-steps per second of each and their ratio. Compilation does not count.
func BenchmarkPair(b *testing.B) {
	e := Article[1]
	e.Steps = benchmarkSteps
	var ours, theirs time.Duration
	peers := []func(){trainerLoop(b, false), trainerLoop(b, true)}
	for b.Loop() {
		ours += pairTime(b, e)
		start := time.Now()
		for _, run := range peers {
			run()
		}
		theirs += time.Since(start)
	}
	steps := float64(2 * benchmarkSteps * b.N)
	b.ReportMetric(steps/ours.Seconds(), "network-steps/s")
	b.ReportMetric(steps/theirs.Seconds(), "trainer-network-steps/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "times-trainer")
}

// pairTime trains a pair and returns the time from the first evaluation to the last.
func pairTime(b *testing.B, e Experiment) time.Duration {
	b.Helper()
	o := options(b)
	var start, end time.Time
	o.Recorder = recorderFunc(func(p Progress) {
		if p.Stage == Training {
			end = time.Now()
			if start.IsZero() {
				start = end
			}
		}
	})
	if _, err := Compare(context.Background(), e, o); err != nil {
		b.Fatal(err)
	}
	return end.Sub(start)
}

// trainerLoop returns a function that trains one network of experiment 1 as GoMLX's examples do, warmed up.
func trainerLoop(b *testing.B, batchNorm bool) func() {
	b.Helper()
	backend, d := testBackend(b), mnist(b)
	inMemory := func(name string, set data.Set) *dataset.InMemoryDataset {
		ds, err := dataset.InMemoryFromData(backend, name,
			[]any{tensors.FromFlatDataAndDimensions(set.Pixels(), set.Len(), data.Pixels)},
			[]any{tensors.FromFlatDataAndDimensions(widen(set.Labels), set.Len(), 1)})
		if err != nil {
			b.Fatal(err)
		}
		return ds
	}
	training := inMemory("train", d.Train).Infinite(true).Shuffle().BatchSize(60, true)
	validation := inMemory("validation", d.Validation).BatchSize(d.Validation.Len(), false)

	build := func(scope *model.Scope, x *Node) *Node {
		for i := range 3 {
			layer := scope.In("hidden_%d", i)
			x = layers.Dense(layer, x, !batchNorm, 128)
			if batchNorm {
				x = norm.BatchNorm(layer, x, -1).Done()
			}
			x = activation.Relu(x)
		}
		return layers.Dense(scope.In("logits"), x, true, data.Classes)
	}
	accuracy := metric.NewSparseCategoricalAccuracy("accuracy", "acc")
	trainer := train.NewTrainer(backend, model.NewStore(), build, loss.SparseCategoricalCrossEntropyLogits,
		optimizer.StochasticGradientDescent().WithDecay(false).WithLearningRate(0.01).Done(), nil, []metric.Interface{accuracy})
	loop := train.NewLoop(trainer)
	run := func(steps int) {
		for done := 0; done < steps; done += 500 {
			if _, err := loop.RunSteps(training, min(500, steps-done)); err != nil {
				b.Fatal(err)
			}
			if _, err := trainer.Eval(validation); err != nil {
				b.Fatal(err)
			}
		}
	}
	run(10)
	return func() { run(benchmarkSteps) }
}
