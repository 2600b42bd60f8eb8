package check

import (
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

func TestGradients(t *testing.T) {
	x := tensors.FromFlatDataAndDimensions([]float64{1, -2, 3}, 3)
	// The loss is Σ (3x)²: with z = 3x, dz = 2z and dx = 18x. One gradient is wrong by 1/8, which both types can write.
	checks, err := Gradients(func(_ *model.Scope, in []*Node) (*Node, []Derived) {
		z := MulScalar(in[0], 3)
		return ReduceAllSum(Square(z)), []Derived{
			{"dz", z, MulScalar(z, 2)},
			{"dx", in[0], AddScalar(MulScalar(in[0], 18), 0.125)},
		}
	}, x)
	if err != nil {
		t.Fatal(err)
	}
	want := []Difference{{"dz", 18, 0, 0}, {"dx", 54, 0.125, 0.125}}
	if len(checks) != len(want) {
		t.Fatalf("%d checks, want %d", len(checks), len(want))
	}
	for i, got := range checks {
		if got != want[i] {
			t.Errorf("check %d is %+v, want %+v", i, got, want[i])
		}
	}

	if _, err := Gradients(func(_ *model.Scope, in []*Node) (*Node, []Derived) {
		return ReduceAllSum(in[0]), []Derived{{"dx", in[0], ReduceAllSum(in[0])}}
	}, x); err == nil || !strings.Contains(err.Error(), "the gradient of dx by hand is") {
		t.Errorf("a gradient of another size: error %v", err)
	}
}
