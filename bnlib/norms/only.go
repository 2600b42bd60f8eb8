package norms

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
)

// Only is a norm in some hidden layers, counted from 1; the others have a bias instead, as in a network without norm. It panics for a norm
// without Apply and for layers that there cannot be; a layer beyond the network's last is none.
func Only(norm bnlib.Norm, hidden ...int) bnlib.Norm {
	if norm.Apply == nil {
		panic(fmt.Errorf("norms: Only(%q): Norm.Apply is nil; allowed: a norm with Apply, such as bnlib.Batch", norm.Name))
	}
	if len(hidden) == 0 || slices.Min(hidden) < 1 {
		panic(fmt.Errorf("norms: Only(%q): hidden is %v; allowed: one number or more, of 1 and above", norm.Name, hidden))
	}
	var names, scopes []string
	for _, n := range hidden {
		names, scopes = append(names, fmt.Sprint(n)), append(scopes, fmt.Sprintf("hidden_%d", n))
	}
	return bnlib.Norm{
		Name: fmt.Sprintf("%s, layer %s only", norm.Name, strings.Join(names, " and ")),
		Layer: func(scope *model.Scope, x *Node, units int, activation func(*Node) *Node) *Node {
			if !slices.Contains(scopes, path.Base(scope.Scope())) {
				return activation(layers.Dense(scope, x, true, units))
			}
			return activation(norm.Apply(scope, layers.Dense(scope, x, false, units)))
		},
	}
}
