package bnlib

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
)

// activate applies an activation to pre-activations.
//
// ReLU is written out for its gradient at 0, which is 0 in TensorFlow, PyTorch and JAX and 1 in GoMLX's. It counts where a layer
// is dead for an image: what follows sees zeros, and pre-activations that are exactly 0 must pass nothing back.
func activate(act activation.Type, x *Node) *Node {
	if act == activation.TypeRelu {
		return Max(ZerosLike(x), x) // the gradient of Max goes to its first argument where both are equal
	}
	return activation.Apply(act, x)
}
