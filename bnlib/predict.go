package bnlib

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/data"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/floats"
)

// Logits returns what a trained network makes of images in inference, where batch normalization uses its moving averages:
// [images, 10] row-major.
//
// The run needs Network and Weights; a model function of the reader's own must be in its Network, since a store keeps none.
func Logits(run *Run, set data.Set) ([]float32, error) { return logits(run, set, set.Len(), false) }

// BatchLogits is Logits in training mode: the images are shown batch at a time, in their order, and batch normalization uses
// the statistics of each batch. The last batch has what is left over. Nothing of the run changes.
func BatchLogits(run *Run, set data.Set, batch int) ([]float32, error) {
	if batch < 1 {
		return nil, fmt.Errorf("bnlib: BatchLogits: batch is %d; allowed: 1 or more", batch)
	}
	return logits(run, set, batch, true)
}

func logits(run *Run, set data.Set, batch int, training bool) ([]float32, error) {
	if run == nil {
		return nil, errors.New("bnlib: Logits: run is nil; allowed: a run with weights")
	}
	if len(set.Images) != set.Len()*data.Pixels {
		return nil, fmt.Errorf("bnlib: Logits: set has %d pixels and %d labels; allowed: %d pixels for each label", len(set.Images), set.Len(), data.Pixels)
	}
	if err := run.Network.validate(0, 0, 1); err != nil {
		return nil, err
	}
	on, err := backend.Open()
	if err != nil {
		return nil, err
	}
	store, err := run.store(on)
	if err != nil {
		return nil, err
	}
	defer store.Finalize()
	exec, err := model.NewExec(on, store, func(scope *model.Scope, images *Node) *Node {
		store.SetTraining(images.Graph(), training)
		return run.Network.model()(scope, engine.Pixels(images))
	})
	if err != nil {
		return nil, err
	}
	defer exec.Finalize()
	var all []float32
	for from := 0; from < set.Len(); from += batch {
		to := min(from+batch, set.Len())
		images := tensors.FromFlatDataAndDimensions(set.Images[from*data.Pixels:to*data.Pixels], to-from, data.Pixels)
		result, err := exec.Call1(images)
		if err != nil {
			return nil, fmt.Errorf("bnlib: logits of network %s: %w", run.Network.describe(), err)
		}
		values, err := tensors.CopyFlatData[float32](result)
		if err != nil {
			return nil, err
		}
		all = append(all, values...)
		images.FinalizeAll()
		result.FinalizeAll()
	}
	return all, nil
}

// store returns a GoMLX store that holds the run's weights.
func (r *Run) store(on compute.Backend) (*model.Store, error) {
	traced, err := r.Network.trace(&engine.Tracer{Backend: on}, nil)
	if err != nil {
		return nil, err
	}
	values, err := r.values(traced)
	if err != nil {
		return nil, err
	}
	store := model.NewStore()
	for i, v := range traced.Variables {
		created, err := store.CreateVariable("/"+v.Name, values[i])
		if err != nil {
			return nil, err
		}
		created.SetTrainable(v.Trainable)
	}
	return store, nil
}

// values returns the network's variables with the run's weights, and, of those that a run does not keep, such as the state of
// random numbers, their initial values.
func (r *Run) values(traced *engine.Network) ([]*tensors.Tensor, error) {
	values, err := traced.Initial()
	if err != nil {
		return nil, err
	}
	for i, v := range traced.Variables {
		w, ok := r.Weight(v.Name)
		switch {
		case ok && (!slices.Equal(w.Dims, v.Shape.Dimensions) || len(w.Values) != v.Shape.Size()):
			return nil, fmt.Errorf("bnlib: the run's weights %s are %v; the network has %v", w.Name, w.Dims, v.Shape.Dimensions)
		case ok:
			values[i] = tensors.FromFlatDataAndDimensions(w.Values, w.Dims...)
		case v.Shape.DType.IsFloat():
			return nil, fmt.Errorf("bnlib: the run has no weights %s, which network %s needs; allowed: the network that was trained (a store keeps no functions: put a norm or a model of your own in Run.Network)", v.Name, r.Network.describe())
		}
	}
	return values, nil
}

// Right returns the share of images that logits classify right, in [0, 1]. logits are [images, 10], of as many images as
// there are labels; others panic. As in a Run, logits that are not numbers answer class 0. Of no images it is NaN.
func Right(logits []float32, labels []uint8) float64 {
	if len(logits) != data.Classes*len(labels) {
		panic(fmt.Errorf("bnlib: Right: logits are %d and labels %d; allowed: %d logits for each label", len(logits), len(labels), data.Classes))
	}
	right := 0
	for i, label := range labels {
		row := logits[i*data.Classes : (i+1)*data.Classes]
		best, most := 0, math.Inf(-1)
		for class, logit := range row {
			if float64(logit) > most {
				best, most = class, float64(logit)
			}
		}
		if best == int(label) {
			right++
		}
	}
	return float64(right) / float64(len(labels))
}

// CrossEntropy returns the mean cross-entropy of logits, in nats, in float64. Arguments are those of Right. Of logits that are not numbers,
// and of no images, it is NaN.
func CrossEntropy(logits []float32, labels []uint8) float64 {
	if len(logits) != data.Classes*len(labels) {
		panic(fmt.Errorf("bnlib: CrossEntropy: logits are %d and labels %d; allowed: %d logits for each label", len(logits), len(labels), data.Classes))
	}
	total, row := 0.0, make([]float64, data.Classes)
	for i, label := range labels {
		for class := range row {
			row[class] = float64(logits[i*data.Classes+class])
		}
		total += floats.LogSumExp(row) - row[label]
	}
	return total / float64(len(labels))
}
