package bnlib

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"batchnorm/bnlib/internal/plain"
	"batchnorm/data"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

func compare(t *testing.T, e Experiment, o *Options) []*Run {
	t.Helper()
	runs, err := Compare(context.Background(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

func trained(t *testing.T, o *Options, networks ...Network) []*Run {
	t.Helper()
	runs, err := Train(context.Background(), networks, o)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// sameBits reports whether two slices hold the same numbers, NaN included.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func sameRun(a, b *Run) bool {
	return sameBits(a.Losses, b.Losses) && slices.Equal(a.Points, b.Points) && a.Test == b.Test &&
		slices.EqualFunc(a.Weights, b.Weights, func(v, w Weight) bool { return v.Name == w.Name && sameBits(v.Values, w.Values) })
}

func TestCompare(t *testing.T) {
	e := Article(1)
	e.Steps, e.Every = 300, 100
	runs := compare(t, e, options(t))
	for i, run := range runs {
		if (run.Network.Norm.Apply != nil) != (i == 1) || run.Status != Finished || run.Lockstep < 1 || run.StepsPerSecond <= 0 {
			t.Errorf("run %d: %+v %v, lockstep %d, %v steps/s", i, run.Network, run.Status, run.Lockstep, run.StepsPerSecond)
		}
		var steps []int
		for _, p := range run.Points {
			steps = append(steps, p.Step)
		}
		if !slices.Equal(steps, []int{0, 100, 200, 300}) {
			t.Errorf("evaluated at steps %v", steps)
		}
		if len(run.Losses) != 300 {
			t.Errorf("%d training losses, want 300", len(run.Losses))
		}
	}
	without, bn := runs[0], runs[1]
	if first := without.Points[0]; math.Abs(first.Loss-math.Log(10)) > 0.2 || first.Accuracy > .25 {
		t.Errorf("before training: %+v, want a loss of about ln 10 and an accuracy of about .1", first)
	}
	// The article: batch normalization reaches 90% by step 500, the other network at 3000.
	if bn.Test < .8 || without.Test > bn.Test-.1 {
		t.Errorf("after 300 steps: %v with batch normalization, %v without", bn.Test, without.Test)
	}
	var names []string
	for _, w := range bn.Weights {
		names = append(names, w.Name)
	}
	for _, want := range []string{"hidden_1/dense/weights", "hidden_3/batch_norm/moving_variance", "logits/dense/biases"} {
		if !slices.Contains(names, want) {
			t.Errorf("no weight %s among %v", want, names)
		}
	}
}

// TestLockstepIsFair trains networks together and each alone: the numbers are the same to the bit.
func TestLockstepIsFair(t *testing.T) {
	var networks []Network
	for _, number := range []int{1, 8} {
		networks = append(networks, short(number).Pair()...)
	}
	networks[1].Seed = 7
	asAlone(t, networks)
}

// asAlone trains networks together and each alone, and compares their runs.
func asAlone(t *testing.T, networks []Network) {
	t.Helper()
	together, err := Train(context.Background(), networks, options(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range networks {
		alone, err := Train(context.Background(), []Network{n}, options(t))
		if err != nil {
			t.Fatal(err)
		}
		if !sameRun(together[i], alone[0]) {
			t.Errorf("%s %s, seed %d: differs from the same network trained alone, losses\n%v\n%v",
				n.Name, n.describe(), n.Seed, together[i].Losses[:5], alone[0].Losses[:5])
		}
	}
}

// TestCrewMovesSessions trains an odd number of networks, which go from one part of the machine to the other and back.
func TestCrewMovesSessions(t *testing.T) {
	var networks []Network
	for _, e := range Seeds(short(4), 3) {
		e.Steps, e.Every = 120, 5
		networks = append(networks, e.Pair()[1])
	}
	asAlone(t, networks)
}

func TestSeed(t *testing.T) {
	e := short(1)
	first, again := trained(t, options(t), e.Pair()...), trained(t, options(t), e.Pair()...)
	e.Seed = 2
	different := trained(t, options(t), e.Pair()...)
	for i := range first {
		if !sameRun(first[i], again[i]) {
			t.Errorf("network %d: two trainings of one seed differ", i)
		}
		if sameBits(first[i].Losses, different[i].Losses) {
			t.Errorf("network %d: another seed gives the same losses", i)
		}
	}
}

func TestDivergenceIsAResult(t *testing.T) {
	e := short(3)
	e.LearningRate = 1e20
	runs := trained(t, options(t), e.Pair()...)
	run := runs[0]
	if run.Status != Diverged || run.DivergedAt < 2 || len(run.Losses) != e.Steps {
		t.Errorf("status %v at step %d after %d losses", run.Status, run.DivergedAt, len(run.Losses))
	}
	if finite(float64(run.Losses[run.DivergedAt-1])) || !finite(float64(run.Losses[run.DivergedAt-2])) {
		t.Errorf("step %d is not the first with a loss that is not finite: %v", run.DivergedAt, run.Losses)
	}
	// NaN logits answer class 0: 980 of the 10000 test images.
	if last := run.Last(); math.IsNaN(last.Loss) && run.Test != .0980 {
		t.Errorf("test accuracy of a network of NaN: %v, want .0980", run.Test)
	}
}

// afterActivation is a model as a reader might type it: batch normalization after the activation.
func afterActivation(scope *model.Scope, images *graph.Node) *graph.Node {
	x := images
	for i := range 2 {
		layer := scope.In("layer_%d", i)
		x = activation.Relu(layers.Dense(layer, x, true, 32))
		x = BatchNorm(layer, x)
	}
	return layers.Dense(scope.In("out"), x, true, data.Classes)
}

func TestModelOfYourOwn(t *testing.T) {
	e := short(1)
	e.Steps, e.Every, e.Model = 200, 200, afterActivation
	runs, err := Train(context.Background(), []Network{{Experiment: e}}, options(t))
	if err != nil {
		t.Fatal(err)
	}
	if runs[0].Test < .6 {
		t.Errorf("test accuracy %v after 200 steps", runs[0].Test)
	}
	if _, err := Compare(context.Background(), e, options(t)); err == nil || !strings.Contains(err.Error(), "Experiment.Model") {
		t.Errorf("Compare with a model: %v", err)
	}
}

// TestRandomModel checks that a network that draws random numbers trains the same beside others as alone.
func TestRandomModel(t *testing.T) {
	dropout := func(scope *model.Scope, images *graph.Node) *graph.Node {
		x := layers.Dense(scope.In("hidden"), images, true, 16)
		x = layers.DropoutStatic(scope, activation.Relu(x), 0.5)
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}
	e := short(1)
	e.Model = dropout
	n := Network{Experiment: e}
	other := n
	other.Seed = 3
	together, err := Train(context.Background(), []Network{other, n}, options(t))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Train(context.Background(), []Network{n}, options(t))
	if err != nil {
		t.Fatal(err)
	}
	if !sameRun(together[1], alone[0]) {
		t.Errorf("beside another network the losses are %v, alone %v", together[1].Losses[:5], alone[0].Losses[:5])
	}
}

// TestPureGo holds the host's loop on the pure-Go backend to the device's loop on XLA.
func TestPureGo(t *testing.T) {
	if testBackend(t).Name() != "xla" {
		t.Skip("the default backend is not XLA: nothing to compare with")
	}
	e := short(2)
	e.Steps, e.Every, e.Batch, e.Hidden = 10, 5, 16, []int{12, 8}
	slow, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	o.Backend = slow
	got, want := trained(t, o, e.Pair()...), trained(t, options(t), e.Pair()...)
	for i := range got {
		if d := plain.Difference(plain.Widen(got[i].Losses), plain.Widen(want[i].Losses)); !(d < 1e-5) {
			t.Errorf("network %d: losses differ by %.3g: %v, on XLA %v", i, d, got[i].Losses, want[i].Losses)
		}
		if math.Abs(got[i].Test-want[i].Test) > 2e-4 {
			t.Errorf("network %d: test accuracy %v, on XLA %v", i, got[i].Test, want[i].Test)
		}
	}
}

// cancelAt cancels a context when training has come to a step.
type cancelAt struct {
	step   int
	cancel context.CancelFunc
	at     time.Time
}

func (c *cancelAt) Record(p Progress) {
	if p.Stage == Training && p.Step >= c.step && c.at.IsZero() {
		c.at = time.Now()
		c.cancel()
	}
}

func TestCancel(t *testing.T) {
	// A cause of its own, as signal.NotifyContext gives.
	ctx, cause := context.WithCancelCause(context.Background())
	cancel := func() { cause(errors.New("interrupted")) }
	defer cancel()
	o := options(t)
	recorder := &cancelAt{step: 20, cancel: cancel}
	o.Recorder = recorder
	e := Article(1)
	e.Every = 20
	runs, err := Compare(ctx, e, o)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	if late := time.Since(recorder.at); late > 10*time.Second {
		t.Errorf("returned %v after the context ended", late)
	}
	if most := max(len(runs[0].Losses), len(runs[1].Losses)); most < recorder.step {
		t.Errorf("the runs have %d steps at most, want those made before the context ended: %d", most, recorder.step)
	}
	for _, run := range runs {
		if run.Status != Cancelled || len(run.Losses) >= e.Steps || !math.IsNaN(run.Test) {
			t.Errorf("status %v after %d steps, test %v", run.Status, len(run.Losses), run.Test)
		}
		if _, err := o.Store.Load(run.Key); !errors.Is(err, ErrNoRun) {
			t.Errorf("loading a cancelled run: %v", err)
		}
	}
	e.Steps = 40
	if again := compare(t, e, &Options{Store: o.Store}); again[0].Status != Finished {
		t.Errorf("the run after a cancelled one: %v", again[0].Status)
	}
}

// TestRecorder checks what a watcher sees.
func TestRecorder(t *testing.T) {
	o := options(t)
	var seen []Progress
	o.Recorder = recorderFunc(func(p Progress) { p.Runs = nil; seen = append(seen, p) })
	compare(t, short(1), o)
	if len(seen) < 4 || seen[0].Stage != Compiling || seen[len(seen)-1].Stage != Done {
		t.Fatalf("recorded %+v", seen)
	}
	for i, p := range seen {
		if p.Total != 80 || (i > 0 && p.Done < seen[i-1].Done) {
			t.Errorf("record %d: %+v", i, p)
		}
	}
	if last := seen[len(seen)-1]; last.Done != last.Total {
		t.Errorf("at the end: %d of %d", last.Done, last.Total)
	}
}

type recorderFunc func(Progress)

func (f recorderFunc) Record(p Progress) { f(p) }
