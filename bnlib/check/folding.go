package check

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Folding checks the weights and biases of the layer that computes, without batch normalization, what a layer with it computes in
// inference; see bnlib.Fold. w is [inputs, units], and so are the new weights; the others are [units], and so are the biases.
func Folding(answer func(w, gamma, beta, mean, variance *Node) (weights, biases *Node)) Verdict {
	const exercise = "fold it into the dense layer"
	if answer == nil {
		return missing(exercise)
	}
	// Square, so that a factor for each input fits as well.
	inputs := []*tensors.Tensor{draw(19, 4, 4), draw(20, 4), draw(21, 4), draw(22, 4), squared(draw(23, 4)), draw(24, 5, 4)}
	return graphs(exercise, inputs, func(in []*Node) []*Node {
		weights, biases := answer(in[0], in[1], in[2], in[3], in[4])
		if weights == nil || biases == nil || weights.Rank() != 2 || biases.Rank() < 1 {
			return []*Node{weights, biases, nil}
		}
		row := func(n *Node) *Node { return Reshape(n, 1, n.Shape().Size()) }
		return []*Node{weights, biases, Add(Dot(in[5], weights).MatMul(), row(biases))}
	}, func(in []*Node) []tensor {
		w, gamma, beta, mean, variance, x := in[0], in[1], in[2], in[3], in[4], in[5]
		factor := Div(gamma, Sqrt(AddScalar(variance, bnlib.Epsilon)))
		row := func(n *Node) *Node { return Reshape(n, 1, -1) }
		times := func(factor *Node) *Node { return Mul(w, row(factor)) }
		return []tensor{
			{"weights", times(factor), []mistake[*Node]{
				{Mul(w, Reshape(factor, -1, 1)), "Each input has a factor here: which axis of w are the units?"},
				{times(Div(gamma, Sqrt(variance))), "Epsilon is lacking: inference had one."},
				{times(Div(gamma, AddScalar(variance, bnlib.Epsilon))), "Divided by a variance: what is its unit?"},
				{times(Reciprocal(Sqrt(AddScalar(variance, bnlib.Epsilon)))), "Gamma is lacking."},
				{w, "They have not changed: what does a unit's linear output go through?"},
			}},
			{"biases", Sub(beta, Mul(mean, factor)), []mistake[*Node]{
				{beta, "The layer shifts by more than beta: what does it take away first?"},
				{Sub(beta, mean), "What becomes of the mean on its way through the division?"},
				{Add(beta, Mul(mean, factor)), "A sign: does normalization add the mean?"},
				{Sub(beta, Mul(mean, Div(gamma, Sqrt(variance)))), "Epsilon is lacking: inference had one."},
				{Sub(Mul(beta, factor), Mul(mean, factor)), "Beta is scaled here: does it come before the division, or after?"},
			}},
			{"what the layer computes", bnlib.Normalize(Dot(x, w).MatMul(), gamma, beta, mean, variance, bnlib.Epsilon), nil},
		}
	})
}
