package check

import (
	"math"
	"os"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// What is trained here is kept for the test alone.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "runs")
	if err != nil {
		panic(err)
	}
	os.Setenv(bnlib.StoreEnv, dir)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// An answer that is no function, of another shape or type, or that panics, is told what is the matter. (Answers of every other kind
// are tried on the page itself, see the tests of the notebooks.)
func TestOddAnswers(t *testing.T) {
	var zero []int
	one := func(x *Node) *Node { return OnesLike(x) }
	for _, test := range []struct {
		name    string
		verdict Verdict
		state   State
		says    string
	}{
		{"none", Normalized(nil), Unanswered, "the answer is nil; wanted: a function"},
		{"none, of a hook", Gap(nil), Unanswered, "the answer is nil; wanted: a function"},
		{"nil", Normalized(func(*Node) *Node { return nil }), Unanswered, "nil; wanted: [5, 3]"},
		{"another shape", Normalized(func(x *Node) *Node { return Transpose(x, 0, 1) }), Wrong, "its shape is [3, 5]; wanted: [5, 3]"},
		{"more numbers", Normalized(func(x *Node) *Node { return Concatenate([]*Node{x, x}, 0) }), Wrong, "its shape is [10, 3]; wanted: [5, 3]"},
		{"whole numbers", Normalized(func(x *Node) *Node { return ConvertDType(x, dtypes.Int32) }), Wrong, "its numbers are Int32; wanted: Float64"},
		{"NaN", Normalized(func(x *Node) *Node { return Log(Neg(Square(x))) }), Wrong, "15 of 15 elements are no finite numbers, the first at [0, 0]"},
		{"another graph", Normalized(func(x *Node) *Node {
			return Parameter(NewGraph(x.Graph().Backend(), "other"), "x", x.Shape())
		}), Wrong, "a node of another graph"},
		{"GoMLX's panic", Normalized(func(x *Node) *Node { return Add(x, Reshape(x, -1)) }), Wrong, "your function cannot be run: "},
		{"a panic of Go's own", Epsilon(func(float64) float64 { return float64(zero[3]) }), Wrong, "index out of range [3] with length 0"},
		{"a panic of the reader's", Parameters(func(int, int) (int, int) { panic("oh") }), Wrong, "your function cannot be run: oh"},
		{"a sum for a mean", Backward(func(dy, normalized, gamma, sigma *Node) (dx, dgamma, dbeta *Node) {
			return nil, nil, MulScalar(ReduceAndKeep(dy, ReduceSum, 0), 5)
		}), Wrong, "yours is 5 times as large everywhere"},
		{"ones", Inference(func(x, gamma, beta, mean, variance *Node) *Node { return one(x) }), Wrong, "y: wrong, largest difference"},
		{"zeros", LayerNorm(func(x, gamma, beta *Node) *Node { return ZerosLike(x) }), Wrong, "yours is 0 everywhere"},
		{"nothing of a layer", Modes(func(*model.Scope, *Node) *Node { return nil }), Wrong, "y in training: it returns nil; wanted: (Float64)[6, 3]"},
		{"a layer of another shape", Modes(func(_ *model.Scope, x *Node) *Node { return Transpose(x, 0, 1) }), Wrong, "its shape is [3, 6]; wanted: [6, 3]"},
		{"a layer that panics", Modes(func(_ *model.Scope, x *Node) *Node { return Add(x, nil) }), Wrong, "your function cannot be run: y in training: "},
		{"no logits", OneImage(func(*bnlib.Run, data.Set) ([]float32, error) { return make([]float32, 3), nil }), Wrong, "of 500 images it returns 3 logits; wanted: 10 for each"},
		{"an error", OneImage(func(r *bnlib.Run, s data.Set) ([]float32, error) { return bnlib.BatchLogits(r, s, 0) }), Wrong, "batch is 0; allowed: 1 or more"},
		{"weights of another shape", Folding(func(w, gamma, beta, mean, variance *Node) (weights, biases *Node) {
			return ReduceAllSum(w), beta
		}), Wrong, "weights: wrong, its shape is []; wanted: [4, 4]"},
		{"infinite statistics", Population(func(means, variances []float64) (float64, float64) { return means[0], math.Inf(1) }), Wrong, "128 of 128 elements are no finite numbers"},
		{"a hook that panics", Gap(func(l *probe.Look) { l.Value("nowhere") }), Wrong, `the network has no variable "nowhere"`},
		{"a hook that records a vector", Gap(func(l *probe.Look) { l.Record("gap", l.Value("logits/dense/biases")) }), Wrong, "the record has 10 numbers; wanted: one, a scalar"},
		{"a rate without bounds", Slopes(func() (float64, float64) { return -1, 900 }), Wrong, "900 cannot be tried"},
		{"a negative rate", UndoingRate(func() float64 { return -1 }), Wrong, "-1 cannot be tried; allowed: 0 to 1e6"},
		{"other letters", Experiment7(func() string { return "b, z" }), Wrong, `"B, Z"; wanted: letters of ABCDEF`},
	} {
		text := test.verdict.String()
		if test.verdict.State != test.state || !strings.Contains(text, test.says) {
			t.Errorf("%s: the check says\n%s\nwant %q, and %q", test.name, text, test.state, test.says)
		}
		if !strings.HasPrefix(text, test.state.String()+": ") || strings.Contains(text, "goroutine") {
			t.Errorf("%s: the verdict does not come first, or a stack is in it:\n%s", test.name, text)
		}
	}
}

// A short training decides nothing, and the check says so.
func TestExperiment7Quick(t *testing.T) {
	t.Setenv(bnlib.QuickEnv, "1")
	if v := Experiment7(func() string { return "B" }); v.State != Unchecked || !strings.Contains(v.Says, bnlib.QuickEnv) {
		t.Errorf("%v", v)
	}
}

func TestIndex(t *testing.T) {
	if got := index(7, []int{2, 3, 2}); got != "[1, 0, 1]" {
		t.Error(got)
	}
}
