package bnlib

import (
	"strings"
	"testing"

	"batchnorm/bnlib/internal/plain"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

// TestFold: the folded network's logits are those of the network in inference, also where gamma, beta and the averages have
// moved far.
func TestFold(t *testing.T) {
	e := short(4)
	e.Activation = activation.TypeRelu
	e.Hidden = []int{32, 16}
	runs := trained(t, options(t), e.Pair()...)
	for _, w := range runs[1].Weights {
		if strings.Contains(w.Name, "batch_norm") {
			for u := range w.Values {
				w.Values[u] += 0.1 * float32(u%7)
			}
		}
	}
	folded, err := Fold(runs[1])
	if err != nil {
		t.Fatal(err)
	}
	if folded.Network.Norm.Apply != nil {
		t.Error("the folded network has batch normalization")
	}
	set := images(mnist(t).Test, 0, 500)
	want, err := Logits(runs[1], set)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Logits(folded, set)
	if err != nil {
		t.Fatal(err)
	}
	if d := plain.Difference(plain.Widen(got), plain.Widen(want)); !(d < 1e-5) {
		t.Errorf("logits are off by %.3g of the largest", d)
	}

	own := *runs[1]
	own.Network.Model = afterActivation
	bare := *runs[1]
	bare.Weights = nil
	for want, run := range map[string]*Run{"Model is set": &own, "Norm is none": runs[0], "no weights hidden_1": &bare} {
		if _, err := Fold(run); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
