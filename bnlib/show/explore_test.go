package show

import (
	"testing"

	"batchnorm/bnlib"

	"github.com/gomlx/gomlx/ml/layers/activation"
)

func TestExplored(t *testing.T) {
	t.Setenv(bnlib.QuickEnv, "")
	tanh, own := bnlib.Article(1), bnlib.Article(1)
	tanh.Activation, own.Model = activation.TypeTanh, bnlib.Network{Experiment: bnlib.Article(1)}.Logits
	for _, c := range []struct {
		name string
		e    bnlib.Experiment
		want int
	}{
		{"the article's", bnlib.Article(1), 2 * 31 * 2},
		{"tanh as well", tanh, 3 * 31 * 2},
		{"a model function", own, 2 * 31},
	} {
		networks := explored(c.e)
		if len(networks) != c.want {
			t.Errorf("%s: %d networks, want %d", c.name, len(networks), c.want)
		}
		stds := map[float64]bool{}
		for _, n := range networks {
			stds[n.InitStd] = true
		}
		for _, std := range []float64{0.01, 0.05, 0.13, 1, 10} {
			if !stds[std] {
				t.Errorf("%s: std %v is not among them", c.name, std)
			}
		}
	}
	t.Setenv(bnlib.QuickEnv, "1")
	if n := len(explored(bnlib.Article(1))); n != 2*4*2 {
		t.Errorf("quick mode: %d networks", n)
	}
}
