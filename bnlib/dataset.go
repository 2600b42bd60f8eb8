package bnlib

import (
	"iter"

	"batchnorm/data"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"
)

// Dataset returns the minibatches of the experiment's training for GoMLX's own train.Trainer: the same images in the same
// order, as many minibatches as there are steps, from the first one each time that it is iterated over. A minibatch has one
// input, images [batch, 784] float32 in [0, 1], and one label, [batch, 1] int32.
func (e Experiment) Dataset(d *data.Dataset) (train.Dataset, error) {
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
			var batch data.Set
			batch.Images, batch.Labels = appendImages(nil, nil, m.set, indices)
			n := batch.Len()
			if !yield(train.Batch{
				Inputs: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(batch.Pixels(), n, data.Pixels)},
				Labels: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(widen(batch.Labels), n, 1)},
			}, nil) {
				return
			}
		}
	}
}
