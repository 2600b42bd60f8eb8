package bnlib

import (
	"math"
	"slices"
	"testing"
)

func TestChanged(t *testing.T) {
	r := &Run{Weights: []Weight{{Name: "hidden_1/batch_norm/gamma", Values: []float32{1, 2}}, {Name: "logits/dense/biases", Values: []float32{3}}}}
	changed := r.Changed("hidden_*/batch_norm/gamma", func(v float32) float32 { return -v })
	if !slices.Equal(changed.Weights[0].Values, []float32{-1, -2}) || !slices.Equal(changed.Weights[1].Values, []float32{3}) {
		t.Errorf("changed: %v", changed.Weights)
	}
	if !slices.Equal(r.Weights[0].Values, []float32{1, 2}) {
		t.Errorf("the run itself is changed: %v", r.Weights)
	}
}

// TestCrossEntropy has logits whose softmax is known: equal ones, and one that leads by ln 9, which has half of ten.
func TestCrossEntropy(t *testing.T) {
	logits := make([]float32, 20)
	logits[13] = float32(math.Log(9))
	for label, want := range map[uint8]float64{3: (math.Log(10) + math.Log(2)) / 2, 4: (math.Log(10) + math.Log(18)) / 2} {
		if got := CrossEntropy(logits, []uint8{7, label}); math.Abs(got-want) > 1e-6 {
			t.Errorf("with label %d: %v, want %v", label, got, want)
		}
	}
	logits[0] = float32(math.NaN())
	if got := CrossEntropy(logits, []uint8{7, 3}); !math.IsNaN(got) {
		t.Errorf("with NaN: %v", got)
	}
}
