package norms

import (
	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// Fixed is bnlib.Batch whose gamma and beta stay at 1 and 0, as they do where Experiment.Rates is bnlib.Frozen("hidden_*/batch_norm").
// Ioffe and Szegedy (2015, arXiv:1502.03167, section 3) brought in gamma and beta so that a layer can undo its normalization.
var Fixed = bnlib.Norm{Name: "gamma, beta fixed", Apply: func(scope *model.Scope, x *Node) *Node {
	y := bnlib.BatchNorm(scope, x)
	for _, name := range []string{"gamma", "beta"} {
		scope.At("batch_norm").GetVariable(name).SetTrainable(false)
	}
	return y
}}
