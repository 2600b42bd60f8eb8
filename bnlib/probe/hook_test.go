package probe_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/internal/plain"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// short is an experiment of the article's with few steps of two small layers, which compile sooner than three.
func short(number int) bnlib.Experiment {
	e := bnlib.Article(number)
	e.Hidden, e.Steps, e.Every = []int{32, 16}, 40, 20
	return e
}

// train trains networks into a store of the test's own, looked at by hooks.
func train(t testing.TB, networks []bnlib.Network, hooks ...probe.Hook) []*bnlib.Run {
	t.Helper()
	return trainWith(t, networks, &bnlib.Options{Hooks: hooks, Store: &bnlib.Store{Dir: t.TempDir()}})
}

func trainWith(t testing.TB, networks []bnlib.Network, o *bnlib.Options) []*bnlib.Run {
	t.Helper()
	runs, err := bnlib.Train(context.Background(), networks, o)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// both are Signals on some images and Norms, with the given steps.
func both(images int, steps ...int) []probe.Hook {
	return []probe.Hook{probe.SignalsOn(images).At(steps...), probe.Norms.At(steps...)}
}

func mnist(t testing.TB) *data.Dataset {
	t.Helper()
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func steps(run *bnlib.Run) []int {
	var steps []int
	for _, s := range run.Snapshots() {
		steps = append(steps, s.Step)
	}
	return steps
}

// sameRun reports whether two runs have the same numbers, NaN included.
func sameRun(a, b *bnlib.Run) bool {
	same := func(a, b []float32) bool {
		return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
	}
	return same(a.Losses, b.Losses) && cmp.Equal(a.Points, b.Points, cmpopts.EquateNaNs()) && a.Test == b.Test && a.Answers == b.Answers &&
		slices.EqualFunc(a.Weights, b.Weights, func(v, w bnlib.Weight) bool { return v.Name == w.Name && same(v.Values, w.Values) })
}

// TestHooksDisturbNothing trains with and without hooks: losses, evaluations and weights, moving averages and the state of
// random numbers among them, are the same to the bit.
func TestHooksDisturbNothing(t *testing.T) {
	own := short(1)
	own.Model = func(scope *model.Scope, images *Node) *Node {
		x := layers.Dense(scope.In("hidden"), images, true, 16)
		x = layers.DropoutStatic(scope, activation.Relu(bnlib.BatchNorm(scope, x)), 0.5)
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}
	networks := []bnlib.Network{{Experiment: own}}
	for number, norm := range map[int]bnlib.Norm{1: bnlib.None, 4: bnlib.Batch, 8: bnlib.Batch} {
		networks = append(networks, short(number).With(norm)...)
	}
	// One that builds the network a second time, in training mode, with other values of its variables.
	moved := probe.Hook{Name: "moved", Graph: func(l *probe.Look) {
		values := l.Values()
		for i, v := range l.Variables() {
			if v.Trainable {
				values[i] = Add(MulScalar(v.Value, 2), v.Initial())
			}
		}
		images, labels := l.Training(10)
		l.Record("loss", l.CrossEntropy(l.At(values, images), labels))
	}}.At(0, 7, 20, 33, 40)
	without := train(t, networks)
	looked := train(t, networks, append(both(50, 0, 7, 20, 33, 40), moved)...)
	for i := range without {
		if !sameRun(without[i], looked[i]) || without[i].Key != looked[i].Key {
			t.Errorf("network %d is not the same with hooks", i)
		}
		if got := steps(looked[i]); !slices.Equal(got, []int{0, 7, 20, 33, 40}) || len(without[i].Seen) != 0 {
			t.Errorf("network %d: looked at steps %v; without hooks %v", i, got, without[i].Seen)
		}
		if h := looked[i].Seen["moved"]; h == nil || !slices.Equal(h.Steps, []int{0, 7, 20, 33, 40}) || h.At(7, "loss") == nil {
			t.Errorf("network %d: the third hook saw %+v", i, h)
		}
	}
}

// TestAgainstPlainGo compares snapshots with a network in plain Go at its first and second step.
func TestAgainstPlainGo(t *testing.T) {
	const images = 30
	for _, act := range []activation.Type{activation.TypeRelu, activation.TypeSigmoid} {
		kind := map[activation.Type]probe.ActivationKind{activation.TypeRelu: probe.ReluActivation, activation.TypeSigmoid: probe.SigmoidActivation}[act]
		e := bnlib.Experiment{InitStd: 0.3, LearningRate: 0.5, Activation: act, Hidden: []int{6, 5}, Batch: 8, Steps: 2, Every: 1, Seed: 3,
			Rates: bnlib.ByVariable{"hidden_2/dense": 0.25}}
		for i, run := range train(t, e.Pair(), both(images, 0, 1, 2)...) {
			batchNorm := i == 1
			network := plain.New(e.Seed, e.InitStd, act, e.Hidden, batchNorm)
			d := mnist(t)
			order := engine.NewMinibatches(e.Seed, d.Train.Len())
			start := map[string][]float64{}
			for name, values := range network.Variables() {
				start[name] = slices.Clone(values)
			}
			if got := steps(run); !slices.Equal(got, []int{0, 1, 2}) {
				t.Fatalf("looked at steps %v", got)
			}
			for step, snapshot := range run.Snapshots() {
				name := fmt.Sprintf("%v, batch norm %v, step %d", act, batchNorm, step)
				var want []probe.Signal
				copied := plain.New(e.Seed, e.InitStd, act, e.Hidden, batchNorm)
				for name, values := range network.Variables() {
					copy(copied.Variables()[name], values)
				}
				copied.Forward(plain.Widen(d.Validation.Pixels()[:images*data.Pixels]))
				for _, l := range copied[:2] {
					add := func(kind probe.SignalKind, values []float64, act probe.ActivationKind) {
						signal := probe.Signal{Layer: l.Name, Kind: kind, Images: images, Units: l.Out}
						probe.SummarizeSorted(&signal, narrow(values), act)
						signal.OverImages, signal.Cosine = probe.AcrossImages(values, l.Out)
						want = append(want, signal)
					}
					if batchNorm {
						add(probe.LinearOutput, l.Product, probe.NoActivation)
					}
					add(probe.PreActivation, l.Pre, kind)
				}
				approx := cmpopts.EquateApprox(1e-4, 1e-5)
				if diff := cmp.Diff(want, snapshot.Signals, cmpopts.EquateNaNs(), approx, cmpopts.IgnoreFields(probe.Histogram{}, "Counts")); diff != "" {
					t.Errorf("%s: signals (-want +got):\n%s", name, diff)
					continue
				}
				for i := range want {
					moved := 0 // across the border of a bin, by rounding
					for k, count := range want[i].Histogram.Counts {
						moved += max(0, count-snapshot.Signals[i].Histogram.Counts[k])
					}
					if moved > 1 {
						t.Errorf("%s, signal %d: histogram %v, want %v", name, i, snapshot.Signals[i].Histogram.Counts, want[i].Histogram.Counts)
					}
				}

				sizes := map[string]probe.ParameterSizes{}
				index := make([]int32, e.Batch)
				order.Next(index)
				loss := network.Step(d.Train, index, func(name string, values, gradient []float64) {
					rate := e.LearningRate
					if name == "hidden_2/dense/weights" || name == "hidden_2/dense/biases" {
						rate = 0.25
					}
					sizes[name] = probe.ParameterSizes{Name: name, Norm: norm(values), Initial: norm(start[name]),
						Distance: distance(values, start[name]), Gradient: norm(gradient), Update: rate * norm(gradient)}
					plain.Descent(rate)(name, values, gradient)
				})
				if math.Abs(loss-snapshot.Loss) > 1e-5 {
					t.Errorf("%s: loss %v, want %v", name, snapshot.Loss, loss)
				}
				if len(snapshot.Parameters) != len(sizes) {
					t.Errorf("%s: %d parameters, want %d", name, len(snapshot.Parameters), len(sizes))
				}
				for _, p := range snapshot.Parameters {
					if diff := cmp.Diff(sizes[p.Name], p, cmpopts.EquateApprox(1e-4, 1e-7)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", name, diff)
					}
				}
			}
		}
	}
}

func narrow(values []float64) []float32 {
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	return narrow
}

func distance(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum = math.Hypot(sum, a[i]-b[i])
	}
	return sum
}

func norm(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// TestDivergence looks at networks whose numbers do not stay finite.
func TestDivergence(t *testing.T) {
	e := short(3)
	e.LearningRate = 1e20
	for i, run := range train(t, e.Pair(), probe.Signals, probe.Norms) {
		snapshots := run.Snapshots()
		last := snapshots[len(snapshots)-1]
		notFinite := 0
		for _, s := range last.Signals {
			notFinite += s.NotFinite
		}
		if run.Status == bnlib.Diverged && math.IsNaN(run.Last().Loss) && notFinite == 0 {
			t.Errorf("network %d diverged, and all signals are finite: %+v", i, last.Signals)
		}
		if i == 0 && (run.Status != bnlib.Diverged || notFinite == 0) {
			t.Errorf("without batch normalization: %v, %d values not finite", run.Status, notFinite)
		}
	}
}

// TestOnPureGo holds looks on the pure-Go backend to those on XLA.
func TestOnPureGo(t *testing.T) {
	b, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	if b.Name() != "xla" {
		t.Skip("the default backend is not XLA: nothing to compare with")
	}
	slow, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	e := short(2)
	e.Steps, e.Every, e.Batch, e.Hidden = 4, 2, 16, []int{12, 8}
	o := &bnlib.Options{Backend: slow, Hooks: both(64), Store: &bnlib.Store{Dir: t.TempDir()}}
	got, want := trainWith(t, e.Pair(), o), train(t, e.Pair(), both(64)...)
	for i := range got {
		if diff := cmp.Diff(want[i].Snapshots(), got[i].Snapshots(), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-3, 1e-5),
			cmpopts.IgnoreFields(probe.Histogram{}, "Counts")); diff != "" || len(steps(got[i])) != 3 {
			t.Errorf("network %d (-XLA +pure Go):\n%s", i, diff)
		}
	}
	for name, c := range ownModels {
		if strings.HasPrefix(name, "GoMLX's") {
			continue // its batch norm does not train there
		}
		e.Steps, e.Every, e.Model = 1, 1, c.model
		o.Hooks = both(20)
		run := trainWith(t, []bnlib.Network{{Experiment: e}}, o)[0]
		if diff := cmp.Diff(c.want, signals(run.Snapshots()[0])); diff != "" {
			t.Errorf("%s: signals (-want +got):\n%s", name, diff)
		}
	}
}

func TestQuickMode(t *testing.T) {
	t.Setenv(bnlib.QuickEnv, "1")
	networks := bnlib.Article(1).With(bnlib.Batch)
	if got := steps(train(t, networks, both(10)...)[0]); !slices.Equal(got, []int{0, 20, 40, 60}) {
		t.Errorf("looked at steps %v", got)
	}
	if got := steps(train(t, networks, both(10, 0, 30, 1000, 50000)...)[0]); !slices.Equal(got, []int{0, 30, 60}) {
		t.Errorf("looked at steps %v", got)
	}
}
