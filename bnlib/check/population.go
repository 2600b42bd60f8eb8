package check

import (
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/data"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Population checks mean and variance of one unit over many images, out of the means and biased variances of the minibatches that they
// come in, all of one size: in a stored run, whose moving averages are then replaced, layer by layer (Wu and Johnson 2021, section 3).
func Population(answer func(means, variances []float64) (mean, variance float64)) Verdict {
	const exercise = "statistics of a stored run"
	if answer == nil {
		return missing(exercise)
	}
	run, mnist, err := trained(60)
	if err != nil {
		return unchecked(exercise, err)
	}
	images := data.Set{Images: mnist.Train.Images[:populationImages*data.Pixels]}
	x := tensors.FromFlatDataAndDimensions(images.Pixels(), populationImages, data.Pixels)
	corrected := *run
	corrected.Weights = slices.Clone(run.Weights)
	var parts []part
	for i := range run.Network.Hidden {
		layer := fmt.Sprintf("hidden_%d", i+1)
		s, err := lookInto(&corrected, layer, x)
		if err != nil {
			return unchecked(exercise, err)
		}
		means, variances := make([]float64, s.units), make([]float64, s.units)
		if err := engine.TryCatch(func() error {
			for u := range s.units {
				means[u], variances[u] = answer(s.of(u))
			}
			return nil
		}); err != nil {
			return failed(exercise, err)
		}
		for name, values := range map[string][]float64{"moving_mean": means, "moving_variance": variances} {
			at := slices.IndexFunc(corrected.Weights, func(w bnlib.Weight) bool { return w.Name == layer+"/batch_norm/"+name })
			corrected.Weights[at].Values = rounded(values)
		}
		parts = append(parts, s.compare(layer, means, variances)...)
		if parts[len(parts)-1].state != Right {
			break // what comes above it would be built on this
		}
		x = s.above
	}
	v := verdict(exercise, parts...)
	if v.State == Unanswered {
		return v
	}
	for _, r := range []struct {
		name string
		run  *bnlib.Run
	}{{"with its moving averages", run}, {"with yours in their place", &corrected}} {
		logits, err := bnlib.Logits(r.run, mnist.Validation)
		if err != nil {
			return unchecked(exercise, err)
		}
		v = v.and("validation accuracy after %d steps, %s: %s", len(run.Losses), r.name, bnlib.FormatAccuracy(bnlib.Right(logits, mnist.Validation.Labels)))
	}
	return v
}

// The images of which Population wants the statistics, and the minibatches that they come in.
const (
	populationImages = 10000
	populationBatch  = 50
)

func rounded(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// layerStatistics are those of a layer's linear outputs, over all images and by minibatch.
type layerStatistics struct {
	units            int
	means, variances []float64       // of the minibatches, [batches, units]
	all              [2][]float64    // mean and variance over all images
	above            *tensors.Tensor // what the layer hands on in inference, once its averages are those of all images
}

// lookInto computes the statistics of a layer, given what comes into it.
func lookInto(run *bnlib.Run, layer string, x *tensors.Tensor) (s layerStatistics, err error) {
	on, err := backend.Open()
	if err != nil {
		return s, err
	}
	args := []any{x}
	for _, name := range []string{"dense/weights", "batch_norm/gamma", "batch_norm/beta"} {
		w, ok := run.Weight(layer + "/" + name)
		if !ok {
			return s, fmt.Errorf("the run has no weights %s/%s", layer, name)
		}
		args = append(args, tensors.FromFlatDataAndDimensions(w.Values, w.Dims...))
		s.units = w.Dims[len(w.Dims)-1]
	}
	results, err := ExecOnceN(on, func(in []*Node) []*Node {
		linear := Dot(in[0], in[1]).MatMul() // [images, units]
		mean, variance := bnlib.BatchStatistics(linear)
		batches := Reshape(linear, -1, populationBatch, s.units)
		means := ReduceAndKeep(batches, ReduceMean, 1)
		variances := ReduceAndKeep(Square(Sub(batches, means)), ReduceMean, 1)
		y := bnlib.Normalize(linear, in[2], in[3], mean, variance, bnlib.Epsilon)
		return []*Node{means, variances, mean, variance, Max(ZerosLike(y), y)}
	}, args...)
	if err != nil {
		return s, err
	}
	values := make([][]float64, 4)
	for i := range values {
		flat, err := tensors.CopyFlatData[float32](results[i])
		if err != nil {
			return s, err
		}
		for _, v := range flat {
			values[i] = append(values[i], float64(v))
		}
	}
	s.means, s.variances, s.all, s.above = values[0], values[1], [2][]float64{values[2], values[3]}, results[4]
	return s, nil
}

// of returns the minibatches' statistics of one unit.
func (s layerStatistics) of(unit int) (means, variances []float64) {
	for i := unit; i < len(s.means); i += s.units {
		means, variances = append(means, s.means[i]), append(variances, s.variances[i])
	}
	return means, variances
}

// compare holds the answer for every unit against what all images have together. They are of float32 numbers: six digits count.
func (s layerStatistics) compare(layer string, means, variances []float64) []part {
	var within, between []float64 // what often comes out in the variance's place
	for u := range s.units {
		m, v := s.of(u)
		a, _ := moments(v)
		_, b := moments(m)
		within, between = append(within, a), append(between, b)
	}
	single := func(name string, got, want []float64, mistakes ...mistake[[]float64]) part {
		name = layer + ", " + name
		if !slices.ContainsFunc(got, func(v float64) bool { return !math.IsNaN(v) }) {
			return part{name: name, says: "NaN for every unit"}
		}
		if n, _ := notFinite(got); n == 0 && near(got, want) {
			return part{name: name, state: Right, says: fmt.Sprintf("right for all %d units, to five digits", s.units)}
		}
		return compared(name, got, want, []int{s.units}, mistakes...)
	}
	n := float64(len(s.means) / s.units)
	times := func(factor float64, values []float64) []float64 {
		out := make([]float64, len(values))
		for i, v := range values {
			out[i] = factor * v
		}
		return out
	}
	return []part{
		single("mean", means, s.all[0], mistake[[]float64]{times(n, s.all[0]), "A sum over the minibatches: what is the mean of means?"}),
		single("variance", variances, s.all[1],
			mistake[[]float64]{within, "The mean of the variances: that is how images differ from their own minibatch. What of the minibatches among themselves?"},
			mistake[[]float64]{between, "The variance of the means: that is how minibatches differ from one another. What of the images within them?"},
			mistake[[]float64]{times(populationBatch/(populationBatch-1.), within), "Corrected by m/(m − 1): that estimates the variance of other images to come. Wanted is that of these images."}),
	}
}

// near reports whether two tensors are equal to five digits of the largest element.
func near(a, b []float64) bool { return wrongIn(a, b, 1e4*largest(b)) == 0 }
