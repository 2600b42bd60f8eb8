package norms

import (
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

func TestAlone(t *testing.T) {
	on, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	a := NewAlone(on, bnlib.Batch)
	x := [][]float32{{1, -20}, {2, 0}, {3, 10}, {6, 30}} // means 3 and 5, variances 3.5 and 325
	y, err := a.Run(true, x)
	if err != nil {
		t.Fatal(err)
	}
	if want := -2 / math.Sqrt(3.5+bnlib.Epsilon); math.Abs(float64(y[0])-want) > 1e-5 {
		t.Errorf("normalized: %v, want %v first", y, want)
	}
	if got, err := a.Value("batch_norm/moving_mean"); err != nil || math.Abs(float64(got[1])-0.05) > 1e-6 {
		t.Errorf("moving means after one step are %v, %v", got, err)
	}
	for name, value := range map[string]float32{"batch_norm/gamma": -2, "batch_norm/moving_mean": 0, "batch_norm/moving_variance": 1 - bnlib.Epsilon} {
		if err := a.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if y, err = a.Run(false, x); err != nil || math.Abs(float64(y[1]-40)) > 1e-4 {
		t.Errorf("with gamma −2, mean 0 and variance 1 inference gives %v, %v; want −2·x", y, err)
	}
	if names := a.Variables(); !slices.Contains(names, "batch_norm/beta") || len(names) != 4 {
		t.Errorf("variables are %q", names)
	}
	if _, err := a.Value("gamma"); err == nil || !strings.Contains(err.Error(), "batch_norm/gamma") {
		t.Errorf("a variable that there is not: %v", err)
	}
	fails := NewAlone(on, bnlib.Norm{Name: "mine", Apply: func(*model.Scope, *Node) *Node { panic("no idea") }})
	if _, err := fails.Run(true, x); err == nil || !strings.Contains(err.Error(), "mine alone") {
		t.Errorf("a norm that panics: %v", err)
	}
}
