package engine

import (
	"testing"

	"batchnorm/bnlib/backend"
	"batchnorm/data"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
)

// TestRandomSeeds checks that networks of different seeds draw different random numbers in training.
func TestRandomSeeds(t *testing.T) {
	on, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]uint64{}
	for seed := range uint64(6) {
		s := &Spec{Name: "dropout", Seed: seed, Batch: 2, Std: func(string) float64 { return 1 }, Model: func(scope *model.Scope, images *Node) *Node {
			return layers.Dense(scope, layers.DropoutStatic(scope, images, 0.5), true, data.Classes)
		}}
		trace, err := (&Tracer{Backend: on}).Trace(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range trace.Variables {
			if v.path() != rngPath {
				continue
			}
			state := ""
			v.value.ConstBytes(func(bytes []byte) { state = string(bytes) })
			if other, taken := states[state]; taken {
				t.Errorf("seeds %d and %d begin with one state of random numbers", other, seed)
			}
			states[state] = seed
		}
	}
	if len(states) != 6 {
		t.Errorf("%d states of random numbers for 6 seeds", len(states))
	}
}
