package bnlib

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Norm is a way to normalize the linear outputs of a network's hidden layers. A reader's own is a few lines:
//
//	meanOnly := bnlib.Norm{Name: "mean only", Apply: func(scope *model.Scope, x *Node) *Node {
//		return Sub(x, ReduceAndKeep(x, ReduceMean, 0))
//	}}
//
// What is no function of the linear outputs, such as a norm after the activation or one of the weights, is a Layer. Package norms has
// more than a dozen of both kinds.
type Norm struct {
	Name   string                                  // as figures and tables show it
	Color  string                                  // of its curves, such as "#1f6fb4"; "": one that is free
	Dashed bool                                    // so are they
	Apply  func(scope *model.Scope, x *Node) *Node // x is [batch, units], and so is the result; nil: no norm, and the layer has a bias

	// Layer, where it is set, builds a hidden layer of its own, from the linear map to the activation, in the place of Apply. x is
	// [batch, inputs], and the result [batch, units].
	Layer func(scope *model.Scope, x *Node, units int, activation func(*Node) *Node) *Node
}

// Equal reports whether two norms are one: of the same name and the same functions.
func (n Norm) Equal(other Norm) bool {
	return n.Name == other.Name && pointer(&n.Apply) == pointer(&other.Apply) && pointer(&n.Layer) == pointer(&other.Layer)
}

// The article's two norms. Their colours are the same everywhere.
var (
	None  = Norm{Name: "without batch norm", Color: "#e8710a", Dashed: true}
	Batch = Norm{Name: "with batch norm", Color: "#1f6fb4", Apply: BatchNorm}
)
