package bnlib

import (
	"batchnorm/data"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
)

// Logits builds the article's network: hidden layers of a product without bias, batch normalization and the activation,
// or, without batch normalization, of a product with bias and the activation; then a last layer with bias.
//
// images is [batch, 784]; the result is [batch, 10].
func (n Network) Logits(scope *model.Scope, images *Node) *Node {
	x := images
	for i, units := range n.Hidden {
		layer := scope.In("hidden_%d", i+1)
		x = layers.Dense(layer, x, !n.BatchNorm, units) // [batch, units]
		if n.BatchNorm {
			x = BatchNorm(layer, x)
		}
		x = activate(n.Activation, x)
	}
	return layers.Dense(scope.In("logits"), x, true, data.Classes)
}

// model returns the function that builds n.
func (n Network) model() ModelFunc {
	if n.Model != nil {
		return n.Model
	}
	return n.Logits
}
