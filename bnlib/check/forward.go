package check

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Normalized checks the heart of batch normalization, (x − μ)/√(σ² + ε) with the statistics of the batch and bnlib.Epsilon
// (Ioffe and Szegedy 2015, Algorithm 1). x is [batch, units], and so is the answer.
func Normalized(answer func(x *Node) *Node) Verdict {
	const exercise = "normalize a batch"
	if answer == nil {
		return missing(exercise)
	}
	// The third unit is the same in every image.
	x := tensors.FromValue([][]float64{{1, -20, 7}, {2, 0, 7}, {3, 10, 7}, {6, 30, 7}, {-1, 55, 7}})
	return graphs(exercise, []*tensors.Tensor{x}, func(in []*Node) []*Node {
		return []*Node{answer(in[0])}
	}, func(in []*Node) []tensor {
		x := in[0]
		m := float64(x.Shape().Dim(0))
		mean, variance := bnlib.BatchStatistics(x)
		centred := Sub(x, mean)
		sigma := Sqrt(AddScalar(variance, bnlib.Epsilon))
		one := ReduceAndKeep(x, ReduceMean)
		return []tensor{{"x̂", standardized(x), []mistake[*Node]{
			{Div(centred, Sqrt(AddScalar(MulScalar(variance, m/(m-1)), bnlib.Epsilon))), "It would be right if the variance were divided by m − 1: what does batch normalization divide by?"},
			{overUnits(x), "It would be right for the other axis: each image has been normalized over its units, instead of each unit over the images."},
			{Div(Sub(x, one), Sqrt(AddScalar(ReduceAndKeep(Square(Sub(x, one)), ReduceMean), bnlib.Epsilon))), "All units share one mean and one variance here: along which axis does a unit's mean go?"},
			{Div(centred, AddScalar(Sqrt(variance), bnlib.Epsilon)), "Epsilon is added to the standard deviation here: where does it stand in the equation?"},
			{Div(centred, AddScalar(variance, bnlib.Epsilon)), "Twice as large an x should give the same x̂, and half as large a one comes out here: what is the unit of a variance?"},
			{centred, "Its mean is right: what about its variance?"},
			{Div(x, sigma), "Its variance is right: what about its mean?"},
		}}}
	})
}

// standardized is batch normalization without gamma and beta.
func standardized(x *Node) *Node {
	mean, variance := bnlib.BatchStatistics(x)
	return Div(Sub(x, mean), Sqrt(AddScalar(variance, bnlib.Epsilon)))
}

// overUnits normalizes each image over its units.
func overUnits(x *Node) *Node { return Transpose(standardized(Transpose(x, 0, 1)), 0, 1) }

// Inference checks batch normalization with given averages. x is [batch, units], and so is the answer; the others are [units].
func Inference(answer func(x, gamma, beta, mean, variance *Node) *Node) Verdict {
	const exercise = "inference"
	if answer == nil {
		return missing(exercise)
	}
	inputs := []*tensors.Tensor{draw(1, 6, 4), draw(2, 4), draw(3, 4), draw(4, 4), squared(draw(5, 4))}
	return graphs(exercise, inputs, func(in []*Node) []*Node {
		return []*Node{answer(in[0], in[1], in[2], in[3], in[4])}
	}, func(in []*Node) []tensor {
		x, gamma, beta, mean, variance := in[0], in[1], in[2], in[3], in[4]
		batchMean, batchVariance := bnlib.BatchStatistics(x)
		return []tensor{{"y", bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon), []mistake[*Node]{
			{bnlib.Normalize(x, gamma, beta, batchMean, batchVariance, bnlib.Epsilon), "These are the batch's own statistics, so that an image's answer depends on its company: which does inference use?"},
			{bnlib.Normalize(x, OnesLike(gamma), ZerosLike(beta), mean, variance, bnlib.Epsilon), "The batch is normalized: what of the scale and the shift that the unit has learned?"},
			{bnlib.Normalize(x, gamma, ZerosLike(beta), mean, variance, bnlib.Epsilon), "A shift is lacking."},
			{bnlib.Normalize(x, gamma, beta, mean, variance, 0), "Epsilon is lacking: training had one."},
			{bnlib.Normalize(x, gamma, beta, mean, Square(variance), 0), "Divided by a variance: what is its unit?"},
		}}}
	})
}

// LayerNorm checks layer normalization: each image is normalized over its units, then each unit has its gamma and beta
// (Ba, Kiros and Hinton 2016). x is [batch, units], and so is the answer; gamma and beta are [1, units].
func LayerNorm(answer func(x, gamma, beta *Node) *Node) Verdict {
	const exercise = "layer norm"
	if answer == nil {
		return missing(exercise)
	}
	inputs := []*tensors.Tensor{draw(6, 4, 4), draw(7, 1, 4), draw(8, 1, 4)} // square, so that a gamma for each image fits as well
	return graphs(exercise, inputs, func(in []*Node) []*Node {
		return []*Node{answer(in[0], in[1], in[2])}
	}, func(in []*Node) []tensor {
		x, gamma, beta := in[0], in[1], in[2]
		mean, variance := bnlib.BatchStatistics(x)
		turned := Transpose(x, 0, 1)
		turnedMean, turnedVariance := bnlib.BatchStatistics(turned)
		return []tensor{{"y", Add(Mul(overUnits(x), gamma), beta), []mistake[*Node]{
			{bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon), "This is batch normalization still: which axis are the mean and the variance of an image taken along?"},
			{overUnits(x), "Normalized along the right axis: gamma and beta are lacking."},
			{Transpose(bnlib.Normalize(turned, gamma, beta, turnedMean, turnedVariance, bnlib.Epsilon), 0, 1), "The statistics are right, but each image has a gamma and a beta here: whose are they?"},
			{Transpose(Add(Mul(overUnits(x), gamma), beta), 0, 1), "It would be right transposed: [batch, units] is wanted."},
		}}}
	})
}

// GhostNorm checks ghost batch normalization: groups of size images, in their order, are normalized each on its own (Hoffer, Hubara and
// Soudry 2017). x is [batch, units], and so is the answer; batch is a multiple of size. There is no gamma and no beta.
func GhostNorm(answer func(x *Node, size int) *Node) Verdict {
	const exercise = "ghost batch norm"
	if answer == nil {
		return missing(exercise)
	}
	const size = 4
	return graphs(exercise, []*tensors.Tensor{draw(9, 12, 3)}, func(in []*Node) []*Node {
		return []*Node{answer(in[0], size), answer(in[0], 6)}
	}, func(in []*Node) []tensor {
		x := in[0]
		apart := func(size int) *Node {
			var groups []*Node
			for from := 0; from < x.Shape().Dim(0); from += size {
				groups = append(groups, standardized(Slice(x, AxisRange(from, from+size))))
			}
			return Concatenate(groups, 0)
		}
		// Image i in group i mod n: the batch split the other way round.
		strided := func(size int) *Node {
			n := x.Shape().Dim(0) / size
			split := Reshape(x, size, n, x.Shape().Dim(1))
			centred := Sub(split, ReduceAndKeep(split, ReduceMean, 0))
			variance := ReduceAndKeep(Square(centred), ReduceMean, 0)
			return Reshape(Div(centred, Sqrt(AddScalar(variance, bnlib.Epsilon))), x.Shape().Dimensions...)
		}
		of := func(size int) []mistake[*Node] {
			return []mistake[*Node]{
				{standardized(x), "The whole batch is normalized together: how many images see one another in a group?"},
				{strided(size), "The groups have the right size, but every few images one belongs to the same group; wanted: neighbours. How does a reshape lay out its axes?"},
				{strided(x.Shape().Dim(0) / size), "The groups are as many as a group should have images."},
				{apart(x.Shape().Dim(0) / size), "The groups are as many as a group should have images."},
				{overUnits(x), "Each image is normalized over its units."},
				{x, "Nothing is normalized."},
			}
		}
		return []tensor{{"groups of 4", apart(size), of(size)}, {"groups of 6", apart(6), of(6)}}
	})
}
