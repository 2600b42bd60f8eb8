package bnlib

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// TestScaleUndone: hidden weights a times as large, with rates a² times as large and an epsilon a² times as large, are the same network.
// Where a is a power of two, floating-point arithmetic scales without rounding, and no bit of the training may differ.
func TestScaleUndone(t *testing.T) {
	times := func(k float64) Norm { // batch norm with an epsilon of Epsilon/k²
		return Norm{Name: "scaled", Apply: func(scope *model.Scope, x *Node) *Node { return BatchNorm(scope, MulScalar(x, k)) }}
	}
	one := Article(1)
	one.Hidden, one.Steps, one.Every = []int{32, 16}, 40, 20
	scaled := func(a float64) Experiment {
		e := one.clone()
		e.Stds = ByVariable{"hidden_*": a * one.InitStd}
		e.Rates = ByVariable{"hidden_*/dense": a * a * one.LearningRate}
		return e
	}
	networks := []Network{{Experiment: one, Norm: times(512)}, {Experiment: scaled(256), Norm: times(2)}, {Experiment: scaled(256), Norm: times(4)}}
	runs := trained(t, &Options{Store: &Store{Dir: t.TempDir()}}, networks...)
	if !sameBits(runs[0].Losses, runs[1].Losses) {
		t.Errorf("losses differ:\n%v\n%v", runs[0].Losses, runs[1].Losses)
	}
	if sameBits(runs[0].Losses, runs[2].Losses) {
		t.Error("with another epsilon the losses are the same")
	}
}
