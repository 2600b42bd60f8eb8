package probe_test

import (
	"testing"

	"batchnorm/bnlib/internal/plain"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestSimilarity compares the cosines between all pairs of images with plain Go.
func TestSimilarity(t *testing.T) {
	const images = 40
	validation := mnist(t).Validation
	for _, n := range small(activation.TypeSigmoid).Pair() {
		network, _ := plainly(t, n)
		network.Forward(plain.Widen(validation.Pixels()[:images*data.Pixels]))
		var want []probe.Alikeness
		for _, l := range network[:2] {
			add := func(kind probe.SignalKind, values []float64) {
				a := probe.Alikeness{Layer: l.Name, Kind: kind}
				var same, others, squares float64
				for i := range images {
					for k := range images {
						x, y := values[i*l.Out:(i+1)*l.Out], values[k*l.Out:(k+1)*l.Out]
						dot := 0.0
						for u := range x {
							dot += x[u] * y[u] / norm(x) / norm(y)
						}
						squares += dot * dot
						switch {
						case i == k:
						case validation.Labels[i] == validation.Labels[k]:
							a.Same, same = a.Same+dot, same+1
						default:
							a.Others, others = a.Others+dot, others+1
						}
					}
				}
				a.Same, a.Others, a.Rank = a.Same/same, a.Others/others, images*images/squares
				want = append(want, a)
			}
			if n.Norm.Apply != nil {
				add(probe.LinearOutput, l.Product)
			}
			add(probe.PreActivation, l.Pre)
		}
		got := probe.AlikenessOf(look(t, n, probe.Similarity(images)))
		if diff := cmp.Diff([][]probe.Alikeness{want}, got, cmpopts.EquateApprox(1e-3, 1e-4)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", n.Norm.Name, diff)
		}
	}
}
