package bnlib

import (
	"context"
	"errors"
	"fmt"

	"batchnorm/bnlib/backend"
	"batchnorm/data"

	"github.com/gomlx/gomlx/core/tensors"
)

// InitialSignal looks inside networks as they are before their first step, without training them, and returns a Snapshot of
// each, in their order: the one that a run with the same probe has at step 0. Its Loss is the first training loss, its
// Parameters have the gradients of the first step. Nothing is stored.
//
// Of the options it uses Backend, Data and Probe.Images. Errors are those of Train.
func InitialSignal(ctx context.Context, networks []Network, options *Options) ([]Snapshot, error) {
	var o Options
	if options != nil {
		o = *options
	}
	if len(networks) == 0 {
		return nil, errors.New("bnlib: InitialSignal: networks is empty; allowed: one or more")
	}
	var err error
	if o.Data == nil {
		if o.Data, err = data.MNIST(); err != nil {
			return nil, err
		}
	}
	probe := &Probe{Steps: []int{0}}
	if o.Probe != nil {
		probe.Images = o.Probe.Images
	}
	for _, n := range networks {
		if err := n.Validate(o.Data.Train.Len()); err != nil {
			return nil, err
		}
	}
	if err := probe.Validate(0, o.Data.Validation.Len()); err != nil {
		return nil, err
	}
	if o.Backend == nil {
		if o.Backend, err = backend.Open(); err != nil {
			return nil, err
		}
	}
	var lenses lensCabinet
	defer lenses.finalize()
	var snapshots []Snapshot
	for _, n := range networks {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("bnlib: InitialSignal cancelled: %w", err)
		}
		n.Experiment = n.Complete()
		b, err := draw(o.Backend, n)
		if err != nil {
			return nil, err
		}
		l, err := lenses.lens(o.Backend, b, o.Data, probe.images(o.Data.Validation.Len()))
		if err != nil {
			return nil, fmt.Errorf("bnlib: %w", err)
		}
		values := b.values()
		v := newView(n, o.Data.Train)
		snapshot, err := v.look(l, 0, values)
		if err != nil {
			return nil, fmt.Errorf("bnlib: %w", err)
		}
		snapshots = append(snapshots, snapshot)
		finalize(values)
	}
	return snapshots, nil
}

// values returns the variables as they are before training.
func (b *blueprint) values() []*tensors.Tensor {
	var values []*tensors.Tensor
	for _, v := range b.variables {
		values = append(values, v.initial)
	}
	return values
}
