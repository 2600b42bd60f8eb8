package main

import (
	"time"

	"batchnorm/bnlib"
	"batchnorm/data"

	"github.com/gomlx/compute"
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

// trainGoMLX trains the job's networks as GoMLX's examples do, with its Trainer and Loop on a data set in memory, which draws
// minibatches in an order of its own.
func trainGoMLX(j job, on compute.Backend, d *data.Dataset) (trainer, error) {
	networks, err := j.networks(j.Steps)
	if err != nil {
		return nil, err
	}
	var loops []*gomlxLoop
	for _, n := range networks {
		l, err := newGoMLXLoop(on, d, n)
		if err != nil {
			return nil, err
		}
		loops = append(loops, l)
	}
	turn := func(steps int) (time.Duration, error) {
		start := time.Now()
		for done := 0; done < steps; done += j.Every {
			for _, l := range loops {
				if err := l.run(min(j.Every, steps-done)); err != nil {
					return 0, err
				}
			}
		}
		return time.Since(start), nil
	}
	first, err := turn(j.Every)
	if err != nil {
		return nil, err
	}
	return func(steps int) (answer, [][]float32, error) {
		again, err := turn(steps)
		return answer{Ready: max(0, first-again).Seconds(), Seconds: again.Seconds()}, nil, err
	}, nil
}

// gomlxLoop is one network and its data.
type gomlxLoop struct {
	loop                 *train.Loop
	training, validation *dataset.InMemoryDataset
}

func newGoMLXLoop(on compute.Backend, d *data.Dataset, n bnlib.Network) (*gomlxLoop, error) {
	inMemory := func(name string, set data.Set) (*dataset.InMemoryDataset, error) {
		labels := make([]int32, set.Len())
		for i, label := range set.Labels {
			labels[i] = int32(label)
		}
		return dataset.InMemoryFromData(on, name,
			[]any{tensors.FromFlatDataAndDimensions(set.Pixels(), set.Len(), data.Pixels)},
			[]any{tensors.FromFlatDataAndDimensions(labels, set.Len(), 1)})
	}
	training, err := inMemory("train", d.Train)
	if err != nil {
		return nil, err
	}
	validation, err := inMemory("validation", d.Validation)
	if err != nil {
		return nil, err
	}
	build := func(scope *model.Scope, x *Node) *Node {
		for i, units := range n.Hidden {
			layer := scope.In("hidden_%d", i)
			x = layers.Dense(layer, x, n.Norm.Apply == nil, units)
			if n.Norm.Apply != nil {
				x = norm.BatchNorm(layer, x, -1).Done()
			}
			x = activation.Apply(n.Activation, x)
		}
		return layers.Dense(scope.In("logits"), x, true, data.Classes)
	}
	descent := optimizer.StochasticGradientDescent().WithDecay(false).WithLearningRate(n.LearningRate).Done()
	accuracy := metric.NewSparseCategoricalAccuracy("accuracy", "acc")
	trainer := train.NewTrainer(on, model.NewStore(), build, loss.SparseCategoricalCrossEntropyLogits, descent, nil,
		[]metric.Interface{accuracy})
	return &gomlxLoop{
		loop:       train.NewLoop(trainer),
		training:   training.Infinite(true).Shuffle().BatchSize(n.Batch, true),
		validation: validation.BatchSize(d.Validation.Len(), false),
	}, nil
}

// run trains for some steps and evaluates.
func (l *gomlxLoop) run(steps int) error {
	if _, err := l.loop.RunSteps(l.training, steps); err != nil {
		return err
	}
	_, err := l.loop.Trainer.Eval(l.validation)
	return err
}
