package norms

import (
	"fmt"

	"batchnorm/bnlib"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Group is group normalization: an image is normalized over each of so many groups of neighbouring units (Wu and He 2018, "Group
// Normalization", arXiv:1803.08494, section 3). One group is Layer. Gamma and beta are a unit's own.
//
// Statistics are [batch, groups, 1] of x as [batch, groups, units/groups]. Training and inference are the same. A layer whose units do not
// divide into the groups is an error of Train.
func Group(groups int) bnlib.Norm {
	if groups < 1 {
		panic(fmt.Errorf("norms: Group(%d); allowed: 1 group or more", groups))
	}
	return bnlib.Norm{Name: fmt.Sprintf("group norm, %d groups", groups), Apply: func(scope *model.Scope, x *Node) *Node {
		units := x.Shape().Dim(-1)
		if units%groups != 0 {
			exceptions.Panicf("norms: Group(%d) of %d units; allowed: a number that divides them", groups, units)
		}
		grouped := overUnits(Reshape(x, -1, groups, units/groups))
		return affine(scope.In("group_norm"), Reshape(grouped, -1, units))
	}}
}
