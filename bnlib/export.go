package bnlib

import (
	"errors"
	"iter"

	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/data"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"
)

// InitialWeights returns every variable of the network as it is before the first step: matrices as Experiment.InitStd and
// Seed say, moving averages included. With Experiment.Batches it is all that a program in another language needs to train
// the same network on the same minibatches.
//
// Errors are those of Train for a network that cannot be built.
func (n Network) InitialWeights() ([]Weight, error) {
	if err := n.validate(0, 0, 1); err != nil {
		return nil, err
	}
	on, err := backend.Open()
	if err != nil {
		return nil, err
	}
	traced, err := n.trace(&engine.Tracer{Backend: on}, nil)
	if err != nil {
		return nil, err
	}
	values, err := traced.Initial()
	if err != nil {
		return nil, err
	}
	weights, err := traced.WeightsOf(values)
	if err != nil {
		return nil, err
	}
	out := make([]Weight, len(weights))
	for i, w := range weights {
		out[i] = Weight(w)
	}
	return out, nil
}

// Batches returns the minibatch that each training step sees, as indices of training images, [Steps][Batch]. trainImages is
// the size of the training set; 0 stands for the article's 55000.
func (e Experiment) Batches(trainImages int) ([][]int32, error) {
	if err := e.Validate(trainImages); err != nil {
		return nil, err
	}
	if trainImages == 0 {
		trainImages = articleTrainImages
	}
	order := engine.NewMinibatches(e.Seed, trainImages)
	batches := make([][]int32, e.Steps)
	for step := range batches {
		batches[step] = make([]int32, e.Batch)
		order.Next(batches[step])
	}
	return batches, nil
}

// Dataset returns the minibatches of the experiment's training for GoMLX's own train.Trainer: the same images in the same
// order, as many minibatches as there are steps, from the first one each time that it is iterated over. A minibatch has one
// input, images [batch, 784] float32 in [0, 1], and one label, [batch, 1] int32.
func (e Experiment) Dataset(d *data.Dataset) (train.Dataset, error) {
	if d == nil {
		return nil, errors.New("bnlib: Experiment.Dataset: d is nil; allowed: a data set, such as data.MNIST's")
	}
	if err := checkSet("Experiment.Dataset: d.Train", d.Train); err != nil {
		return nil, err
	}
	batches, err := e.Batches(d.Train.Len())
	if err != nil {
		return nil, err
	}
	return minibatches{e.Name, d.Train, batches}, nil
}

type minibatches struct {
	name    string
	set     data.Set
	batches [][]int32
}

func (m minibatches) Name() string { return m.name }

func (m minibatches) Iter() iter.Seq2[train.Batch, error] {
	return func(yield func(train.Batch, error) bool) {
		for _, indices := range m.batches {
			batch := engine.Pick(m.set, indices)
			n := batch.Len()
			if !yield(train.Batch{
				Inputs: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(batch.Pixels(), n, data.Pixels)},
				Labels: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(engine.Widen(batch.Labels), n, 1)},
			}, nil) {
				return
			}
		}
	}
}
