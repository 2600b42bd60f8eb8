package bnlib

import (
	"context"
	"errors"
	"fmt"

	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/gomlx/core/tensors"
)

// InitialSignal looks inside networks as they are before their first step, without training them, and returns a Snapshot of
// each, in their order: the one that a run with probe.Signals and probe.Norms has at step 0. Its Loss is the first training loss,
// its Parameters have the gradients of the first step. Nothing is stored. Of the options it uses Backend and Data. Errors are those
// of Train, and if ctx ends it returns within about a second, even if a model function does not return.
func InitialSignal(ctx context.Context, networks []Network, options *Options) ([]probe.Snapshot, error) {
	l, err := newLooker(options)
	if err != nil {
		return nil, err
	}
	left := false // to a model function that has not returned: what is on the device is still its own
	defer func() {
		if !left {
			l.Close()
		}
	}()
	if len(networks) == 0 {
		return nil, errors.New("bnlib: InitialSignal: networks is empty; allowed: one or more")
	}
	for i, n := range networks {
		if err := n.validate(l.Data.Train.Len(), i, len(networks)); err != nil {
			return nil, err
		}
	}
	var snapshots []probe.Snapshot
	for _, n := range networks {
		if err := ctx.Err(); err != nil {
			return snapshots, fmt.Errorf("bnlib: InitialSignal cancelled: %w", err)
		}
		both, abandoned, err := engine.Await(ctx, func() (both [2]*probe.History, err error) {
			for k, hook := range []probe.Hook{probe.Signals, probe.Norms} {
				if both[k], err = l.look(n, hook, nil); err != nil {
					return both, err
				}
			}
			return both, nil
		})
		if left = abandoned; abandoned {
			return snapshots, fmt.Errorf("bnlib: InitialSignal cancelled, and network %s has not been built yet: %w", n.describe(), err)
		}
		if err != nil {
			return snapshots, err
		}
		snapshots = append(snapshots, probe.Snapshots(both[0], both[1], n.Rate)...)
	}
	return snapshots, nil
}

// Look lets a hook look at a trained network, as it is after its last step; of a run without Weights, as it is before the first.
// What it saw has one step. Options are those of InitialSignal.
//
// The run needs Network; functions of the reader's own must be in it, since a store keeps none. Look returns when they do.
func Look(run *Run, hook probe.Hook, options *Options) (*probe.History, error) {
	if run == nil {
		return nil, errors.New("bnlib: Look: run is nil; allowed: a run with Network")
	}
	l, err := newLooker(options)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if err := hook.Validate(run.Network.Steps); err != nil {
		return nil, fmt.Errorf("bnlib: Look: %w", err)
	}
	return l.look(run.Network, hook, run)
}

// looker looks inside networks that do not train.
type looker struct {
	engine.Looker
	tracer engine.Tracer
}

func newLooker(options *Options) (*looker, error) {
	l := &looker{}
	if options != nil {
		l.Data, l.Backend = options.Data, options.Backend
	}
	if l.Data != nil {
		if err := checkData("Options.Data", l.Data); err != nil {
			return nil, err
		}
	}
	var err error
	if l.Data == nil {
		if l.Data, err = data.MNIST(); err != nil {
			return nil, err
		}
	}
	if l.Backend == nil {
		if l.Backend, err = backend.Open(); err != nil {
			return nil, err
		}
	}
	l.tracer.Backend = l.Backend
	return l, nil
}

// look lets a hook look at a network with the weights of a run; nil: before its first step.
func (l *looker) look(n Network, hook probe.Hook, run *Run) (*probe.History, error) {
	if err := n.validate(l.Data.Train.Len(), 0, 1); err != nil {
		return nil, err
	}
	traced, err := n.trace(&l.tracer, nil)
	if err != nil {
		return nil, err
	}
	var values []*tensors.Tensor
	step := 0
	if run != nil && len(run.Weights) > 0 {
		if values, err = run.values(traced); err != nil {
			return nil, err
		}
		step = len(run.Losses)
	}
	h, err := l.Look(hook, traced, step, values)
	for _, v := range values {
		v.FinalizeAll()
	}
	if err != nil {
		return nil, fmt.Errorf("bnlib: %w", err)
	}
	return h, nil
}
