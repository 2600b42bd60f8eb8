package parallel

import (
	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// Mean returns the mean over the devices of x, of any shape: the same numbers on every device, and so is its gradient. On one device it
// is x.
//
// What a device puts in reaches the losses of all of them. So the gradient with respect to x is the mean over the devices of what comes
// back to each: a Mean in the backward pass for each one in the forward pass. GoMLX has no gradient of its own for AllReduce.
func Mean(x *Node) *Node {
	if x.Graph().NumDevices() == 1 {
		return x
	}
	back := IdentityWithCustomGradient(x, func(_, v *Node) *Node { return allReduceMean(v) })
	return Add(StopGradient(allReduceMean(x)), Sub(back, StopGradient(back))) // the mean, plus 0 with a gradient
}

func allReduceMean(x *Node) *Node {
	g := x.Graph()
	return DivScalar(g.Distributed().AllReduceOne(x, compute.ReduceOpSum), float64(g.NumDevices()))
}
