package bnlib

import (
	"batchnorm/bnlib/backend"
)

// InitialWeights returns every variable of the network as it is before the first step: matrices as Experiment.InitStd and
// Seed say, moving averages included. With Experiment.Batches it is all that a program in another language needs to train
// the same network on the same minibatches.
//
// Errors are those of Train for a network that cannot be built.
func (n Network) InitialWeights() ([]Weight, error) {
	if err := n.Validate(0); err != nil {
		return nil, err
	}
	on, err := backend.Open()
	if err != nil {
		return nil, err
	}
	n.Experiment = n.Complete()
	b, err := draw(on, n)
	if err != nil {
		return nil, err
	}
	return b.weights(b.values())
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
	e = e.Complete()
	order := newBatchOrder(e.Seed, trainImages)
	batches := make([][]int32, e.Steps)
	for step := range batches {
		batches[step] = make([]int32, e.Batch)
		order.fill(batches[step])
	}
	return batches, nil
}
