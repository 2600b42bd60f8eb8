package check

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Backward checks the gradients of batch normalization, given x̂ = (x − μ)/σ and dy, the gradient with respect to y = gamma·x̂ + beta
// (Ioffe and Szegedy 2015, section 3); see bnlib.NormalizeBackward. dy and normalized are [batch, units], and so is dx; gamma and sigma
// are [1, units], and so are dgamma and dbeta.
func Backward(answer func(dy, normalized, gamma, sigma *Node) (dx, dgamma, dbeta *Node)) Verdict {
	const exercise = "the backward pass"
	if answer == nil {
		return missing(exercise)
	}
	inputs := []*tensors.Tensor{draw(10, 6, 3), draw(11, 6, 3), draw(12, 1, 3)} // x, dy, gamma
	return graphs(exercise, inputs, func(in []*Node) []*Node {
		x, dy, gamma := in[0], in[1], in[2]
		_, variance := bnlib.BatchStatistics(x)
		dx, dgamma, dbeta := answer(dy, standardized(x), gamma, Sqrt(AddScalar(variance, bnlib.Epsilon)))
		return []*Node{dbeta, dgamma, dx}
	}, func(in []*Node) []tensor {
		x, dy, gamma := in[0], in[1], in[2]
		mean, variance := bnlib.BatchStatistics(x)
		dx, dgamma, dbeta := bnlib.NormalizeBackward(x, gamma, mean, variance, dy, bnlib.Epsilon)

		normalized, sigma := standardized(x), Sqrt(AddScalar(variance, bnlib.Epsilon))
		average := func(n *Node) *Node { return ReduceAndKeep(n, ReduceMean, 0) }
		d := Mul(gamma, dy)
		byMean, byVariance := average(d), Mul(normalized, average(Mul(d, normalized)))
		return []tensor{
			{"dbeta", dbeta, []mistake[*Node]{
				{average(dy), "A mean over the images: beta feeds every y, do gradients average or add up?"},
				{ReduceAndKeep(d, ReduceSum, 0), "Gamma is in it: does beta pass through gamma on its way to y?"},
			}},
			{"dgamma", dgamma, []mistake[*Node]{
				{average(Mul(dy, normalized)), "A mean over the images: gamma feeds every y, do gradients average or add up?"},
				{ReduceAndKeep(Mul(dy, x), ReduceSum, 0), "Multiplied with x: what is gamma multiplied with in y?"},
				{ReduceAndKeep(Mul(d, normalized), ReduceSum, 0), "Gamma is in it: what is the derivative of gamma·x̂ with respect to gamma?"},
				{dbeta, "That is dbeta: what does gamma stand beside in y, that beta does not?"},
			}},
			{"dx", dx, []mistake[*Node]{
				{Div(d, sigma), "It would be right if the statistics were constants: what do mean and variance depend on?"},
				{Div(Sub(d, byMean), sigma), "It would be right if the variance were constant: by which ways does x reach y?"},
				{Div(Sub(d, byVariance), sigma), "It would be right if the mean were constant: by which ways does x reach y?"},
				{Sub(Sub(d, byMean), byVariance), "It would be right if σ were 1: how does a small change of x change x̂?"},
				{Div(Add(Sub(d, byMean), byVariance), sigma), "One of its terms has the wrong sign."},
				{Div(Sub(Sub(dy, average(dy)), Mul(normalized, average(Mul(dy, normalized)))), sigma), "It would be right if gamma were 1."},
				{Div(Sub(Sub(d, ReduceAndKeep(d, ReduceSum, 0)), Mul(normalized, ReduceAndKeep(Mul(d, normalized), ReduceSum, 0))), sigma), "Sums stand where a 1/m belongs: μ is a mean."},
			}},
		}
	})
}

// FlowingStatistics checks a batch normalization in training mode whose statistics may be cut off from the gradient: what it computes, and
// the gradients that autodiff makes of it. x is [batch, units], and so is the answer; gamma and beta are [1, units].
func FlowingStatistics(answer func(x, gamma, beta *Node) *Node) Verdict {
	const exercise = "find the bug: a gradient"
	if answer == nil {
		return missing(exercise)
	}
	inputs := []*tensors.Tensor{draw(13, 6, 3), draw(14, 1, 3), draw(15, 1, 3), draw(16, 6, 3)} // x, gamma, beta, dy
	return graphs(exercise, inputs, func(in []*Node) []*Node {
		y := answer(in[0], in[1], in[2])
		if y == nil || !y.Shape().Equal(in[0].Shape()) {
			return []*Node{y, nil, nil, nil}
		}
		return append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, in[3])), in[0], in[1], in[2])...)
	}, func(in []*Node) []tensor {
		x, gamma, beta, dy := in[0], in[1], in[2], in[3]
		mean, variance := bnlib.BatchStatistics(x)
		y := bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon)
		dx, dgamma, dbeta := bnlib.NormalizeBackward(x, gamma, mean, variance, dy, bnlib.Epsilon)
		cut := func(mean, variance *Node) *Node {
			return Gradient(ReduceAllSum(Mul(bnlib.Normalize(x, gamma, beta, mean, variance, bnlib.Epsilon), dy)), x)[0]
		}
		return []tensor{
			{"y", y, nil},
			{"dx", dx, []mistake[*Node]{
				{cut(StopGradient(mean), StopGradient(variance)), theBug},
				{cut(StopGradient(mean), variance), "Half of the way: the variance lets the gradient through now. What else is made of x?"},
				{cut(mean, StopGradient(variance)), "Half of the way: the mean lets the gradient through now. What else is made of x?"},
			}},
			{"dgamma", dgamma, nil},
			{"dbeta", dbeta, nil},
		}
	})
}
