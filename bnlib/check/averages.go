package check

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// MovingAverages checks one step of the moving averages of one unit, whose values in the minibatch are x, against bnlib.BatchNorm
// with its momentum of bnlib.Momentum.
func MovingAverages(answer func(mean, variance float64, x []float64) (newMean, newVariance float64)) Verdict {
	const exercise = "moving averages"
	if answer == nil {
		return missing(exercise)
	}
	on, err := backend.Open()
	if err != nil {
		return unchecked(exercise, err)
	}
	const images = 4
	store := model.NewStore()
	step, err := model.NewExec(on, store, func(scope *model.Scope, x *Node) []*Node {
		store.SetTraining(x.Graph(), true)
		bnlib.BatchNorm(scope, x)
		of := func(name string) *Node { return store.GetVariable("/batch_norm/" + name).NodeValue(x) }
		return []*Node{of("moving_mean"), of("moving_variance")}
	})
	if err != nil {
		return unchecked(exercise, err)
	}
	defer step.Finalize()
	mean, variance := 0.0, 1.0 // the reader's
	var parts []part
	for k := range 20 {
		batch := draw(uint64(100+k), images, 1)
		x := tensors.MustCopyFlatData[float64](batch)
		oldMean, oldVariance := mean, variance
		if err := engine.TryCatch(func() error { mean, variance = answer(mean, variance, slices.Clone(x)); return nil }); err != nil {
			return failed(exercise, err)
		}
		layers, err := step.Call(batch)
		if err != nil {
			return unchecked(exercise, err)
		}
		if k > 0 && k < 19 {
			continue
		}
		wantMean, wantVariance := layers[0].Value().([]float64)[0], layers[1].Value().([]float64)[0]
		ofBatch, biased := moments(x)
		moved := func(old, new float64) float64 { return bnlib.Momentum*old + (1-bnlib.Momentum)*new }
		exchanged := func(old, new float64) float64 { return moved(new, old) }
		const swapped = "Old and new have each other's weights: which of them does a momentum of 0.99 belong to?"
		parts = append(parts,
			number(fmt.Sprintf("mean after step %d", k+1), mean, wantMean, allowed,
				mistake[float64]{exchanged(oldMean, ofBatch), swapped},
				mistake[float64]{ofBatch, "That is the batch's own mean."}),
			number(fmt.Sprintf("variance after step %d", k+1), variance, wantVariance, allowed,
				mistake[float64]{moved(oldVariance, biased*images/(images-1)), "The batch's variance is divided by m − 1 here, as PyTorch does: what does bnlib.BatchNorm keep?"},
				mistake[float64]{exchanged(oldVariance, biased), swapped},
				mistake[float64]{moved(oldVariance, math.Sqrt(biased)), "An average of standard deviations: of what is it to be?"},
				mistake[float64]{biased, "That is the batch's own variance."}))
	}
	return verdict(exercise, parts...)
}

// moments returns mean and biased variance.
func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, variance
}
