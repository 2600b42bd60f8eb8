package bnlib

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/data"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// probed is options with a probe.
func probed(t testing.TB, p Probe) *Options {
	o := options(t)
	o.Probe = &p
	return o
}

func steps(run *Run) []int {
	var steps []int
	for _, s := range run.Snapshots {
		steps = append(steps, s.Step)
	}
	return steps
}

// signals lists what a snapshot has, as "layer kind".
func signals(s Snapshot) []string {
	var list []string
	for _, signal := range s.Signals {
		list = append(list, fmt.Sprintf("%s %s", signal.Layer, signal.Kind))
	}
	return list
}

// trainOne trains a model function with the settings of e.
func trainOne(t *testing.T, e Experiment, m ModelFunc, o *Options) *Run {
	t.Helper()
	e.Model = m
	runs, err := Train(context.Background(), []Network{{Experiment: e}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return runs[0]
}

// TestProbeDisturbsNothing trains with and without a probe: losses, evaluations and weights, moving averages and the state of
// random numbers among them, are the same to the bit.
func TestProbeDisturbsNothing(t *testing.T) {
	noisy := func(scope *model.Scope, images *graph.Node) *graph.Node {
		x := layers.Dense(scope.In("hidden"), images, true, 16)
		x = layers.DropoutStatic(scope, activation.Relu(BatchNorm(scope, x)), 0.5)
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}
	own := short(1)
	own.Model = noisy
	networks := append(short(1).Pair(), Network{Experiment: own})
	for _, number := range []int{4, 8} {
		networks = append(networks, short(number).Pair()...)
	}
	plain, err := Train(context.Background(), networks, options(t))
	if err != nil {
		t.Fatal(err)
	}
	looked, err := Train(context.Background(), networks, probed(t, Probe{Images: 50, Steps: []int{0, 7, 20, 33, 40}}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range plain {
		if !sameRun(plain[i], looked[i]) || plain[i].Key != looked[i].Key {
			t.Errorf("network %d is not the same with a probe", i)
		}
		if got := steps(looked[i]); !slices.Equal(got, []int{0, 7, 20, 33, 40}) || plain[i].Snapshots != nil {
			t.Errorf("network %d: looked at steps %v", i, got)
		}
	}
}

// TestProbeAgainstPlainGo compares snapshots with a network in plain Go at its first and second step.
func TestProbeAgainstPlainGo(t *testing.T) {
	const images = 30
	for _, act := range []activation.Type{activation.TypeRelu, activation.TypeSigmoid} {
		for _, batchNorm := range []bool{false, true} {
			e := Experiment{InitStd: 0.3, LearningRate: 0.5, Activation: act, Hidden: []int{6, 5}, Batch: 8, Steps: 2, Every: 1, Seed: 3}
			runs, err := Train(context.Background(), []Network{{Experiment: e, BatchNorm: batchNorm}}, probed(t, Probe{Images: images}))
			if err != nil {
				t.Fatal(err)
			}
			plain := plainNetwork(e, batchNorm)
			d := mnist(t)
			order := newBatchOrder(e.Seed, d.Train.Len())
			for step, snapshot := range runs[0].Snapshots {
				var want []Signal
				x := widen64(d.Validation.Pixels()[:images*data.Pixels])
				kind := map[activation.Type]activationKind{activation.TypeRelu: reluActivation, activation.TypeSigmoid: sigmoidActivation}[act]
				for k, l := range plain[:2] {
					mean, variance := slices.Clone(l.mean), slices.Clone(l.variance)
					out := l.forward(x, act)
					l.mean, l.variance = mean, variance
					add := func(kind SignalKind, w []float64, act activationKind) {
						signal := Signal{Layer: fmt.Sprintf("hidden_%d", k+1), Kind: kind, Units: l.out}
						summarizeSorted(&signal, narrow(w), act)
						want = append(want, signal)
					}
					if batchNorm {
						add(Product, l.product(), noActivation)
					}
					add(PreActivation, l.pre(), kind)
					x = out
				}
				approx := cmpopts.EquateApprox(1e-4, 1e-5)
				if diff := cmp.Diff(want, snapshot.Signals, cmpopts.EquateNaNs(), approx, cmpopts.IgnoreFields(Histogram{}, "Counts")); diff != "" {
					t.Errorf("%v, batch norm %v, step %d: signals (-want +got):\n%s", act, batchNorm, step, diff)
				}
				for i := range want {
					moved := 0 // across the border of a bin, by rounding
					for k, count := range want[i].Histogram.Counts {
						moved += max(0, count-snapshot.Signals[i].Histogram.Counts[k])
					}
					if moved > 1 {
						t.Errorf("%v, batch norm %v, step %d, signal %d: histogram %v, want %v", act, batchNorm, step, i,
							snapshot.Signals[i].Histogram.Counts, want[i].Histogram.Counts)
					}
				}

				before := norms(plain)
				old := copyNetwork(plain)
				index := make([]int32, e.Batch)
				order.fill(index)
				loss := plainStep(plain, d.Train, index, act, e.LearningRate)
				updates := differences(old, plain)
				if math.Abs(loss-snapshot.Loss) > 1e-5 {
					t.Errorf("loss %v, want %v", snapshot.Loss, loss)
				}
				if len(snapshot.Parameters) != len(before) {
					t.Errorf("%d parameters, want %d", len(snapshot.Parameters), len(before))
				}
				for _, p := range snapshot.Parameters {
					update := updates[p.Name]
					for _, pair := range [][2]float64{{p.Norm, before[p.Name]}, {p.Update, update}, {p.Gradient, update / e.LearningRate}} {
						if math.Abs(pair[0]-pair[1]) > 1e-4*math.Abs(pair[1])+1e-7 {
							t.Errorf("%v, batch norm %v, step %d: %s is %+v, want norm %v, update %v", act, batchNorm, step, p.Name, p, before[p.Name], update)
						}
					}
				}
			}
		}
	}
}

// product and pre are x·W and what the activation is given, of the layer's last forward pass.
func (l *plainLayer) product() []float64 {
	p := &plainLayer{in: l.in, out: l.out, w: l.w, bias: make([]float64, l.out)}
	return p.forward(l.x, activation.TypeNone)
}

func (l *plainLayer) pre() []float64 {
	p := *l
	if l.mean != nil {
		p.mean, p.variance = slices.Clone(l.mean), slices.Clone(l.variance)
	}
	return p.forward(l.x, activation.TypeNone)
}

func narrow(values []float64) []float32 {
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	return narrow
}

// plainVariables are the trainable variables of a network in plain Go by their names in bnlib.
func plainVariables(network []*plainLayer) map[string][]float64 {
	variables := map[string][]float64{}
	for k, l := range network {
		name := fmt.Sprintf("hidden_%d", k+1)
		if k == len(network)-1 {
			name = "logits"
		}
		variables[name+"/dense/weights"] = l.w
		if l.gamma == nil {
			variables[name+"/dense/biases"] = l.bias
		} else {
			variables[name+"/batch_norm/gamma"], variables[name+"/batch_norm/beta"] = l.gamma, l.beta
		}
	}
	return variables
}

func norms(network []*plainLayer) map[string]float64 {
	norms := map[string]float64{}
	for name, values := range plainVariables(network) {
		norms[name] = distance(values, make([]float64, len(values)))
	}
	return norms
}

func differences(a, b []*plainLayer) map[string]float64 {
	differences, old := map[string]float64{}, plainVariables(a)
	for name, values := range plainVariables(b) {
		differences[name] = distance(values, old[name])
	}
	return differences
}

func distance(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum)
}

func copyNetwork(network []*plainLayer) []*plainLayer {
	var copies []*plainLayer
	for _, l := range network {
		copies = append(copies, &plainLayer{in: l.in, out: l.out, w: slices.Clone(l.w), bias: slices.Clone(l.bias),
			gamma: slices.Clone(l.gamma), beta: slices.Clone(l.beta)})
	}
	return copies
}

// ownModels are models as readers might type them, and what a probe finds in them.
var ownModels = map[string]struct {
	model ModelFunc
	want  []string
}{
	"batch norm after the activation": {afterActivation, []string{"layer_0 pre-activation", "layer_1 pre-activation"}},
	"no hidden activations": {func(scope *model.Scope, x *graph.Node) *graph.Node {
		for i := range 2 {
			x = BatchNorm(scope.In("linear_%d", i), layers.Dense(scope.At("linear_%d", i), x, true, 9))
		}
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}, []string{"linear_0 product", "linear_1 product"}},
	"a single layer": {func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope, x, true, data.Classes)
	}, nil},
	"variables of its own": {func(scope *model.Scope, x *graph.Node) *graph.Node {
		for _, name := range []string{"u", "v"} {
			w := scope.VariableWithShape(name, floats(x.Shape().Dim(1), 11)).NodeValue(x)
			x = graph.MaxScalar(graph.MulScalar(graph.Dot(x, w).Product(), 0.5), 0)
		}
		w := scope.VariableWithShape("w", floats(11, data.Classes)).NodeValue(x)
		return graph.Dot(x, w).Product()
	}, []string{"u product", "u pre-activation", "v product", "v pre-activation"}},
	"GoMLX's batch norm, tanh and sigmoid": {func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = graph.Tanh(norm.BatchNorm(scope.In("a"), layers.Dense(scope.At("a"), x, false, 12), -1).Done())
		x = graph.Sigmoid(layers.Dense(scope.In("b"), x, true, 7))
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}, []string{"a product", "a pre-activation", "b pre-activation"}},
	"residual": {func(scope *model.Scope, x *graph.Node) *graph.Node {
		x = layers.Dense(scope.In("in"), x, true, 16)
		for i := range 2 {
			x = graph.Add(x, layers.Dense(scope.In("block_%d", i), activation.Relu(x), true, 16))
		}
		return layers.Dense(scope.In("out"), activation.Relu(x), true, data.Classes)
	}, []string{"in pre-activation", "block_0 product", "block_0 pre-activation", "block_1 product", "block_1 pre-activation"}},
	"swish, gelu, leaky ReLU and hard sigmoid": {func(scope *model.Scope, x *graph.Node) *graph.Node {
		for _, act := range []activation.Type{activation.TypeSwish, activation.TypeGelu, activation.TypeLeakyRelu, activation.TypeHardSigmoid} {
			x = activation.Apply(act, layers.Dense(scope.In("%s", act), x, true, 8))
		}
		return layers.Dense(scope.In("out"), x, true, data.Classes)
	}, []string{"Swish pre-activation", "Gelu product", "LeakyRelu product", "HardSigmoid product"}},
}

func TestProbeModelsOfYourOwn(t *testing.T) {
	for name, c := range ownModels {
		t.Run(name, func(t *testing.T) {
			e := short(1)
			run := trainOne(t, e, c.model, probed(t, Probe{}))
			if got := steps(run); !slices.Equal(got, []int{0, 20, 40}) {
				t.Errorf("looked at steps %v", got)
			}
			for _, s := range run.Snapshots {
				if diff := cmp.Diff(c.want, signals(s)); diff != "" {
					t.Errorf("signals (-want +got):\n%s", diff)
				}
				for _, signal := range s.Signals {
					total := 0
					for _, n := range signal.Histogram.Counts {
						total += n
					}
					if s.Images != 500 || total != 500*signal.Units || signal.NotFinite != 0 || !(signal.Std > 0) ||
						!(signal.Percentiles[0] < signal.Percentiles[4]) {
						t.Errorf("step %d: %+v", s.Step, signal)
					}
				}
				if s.Step < e.Steps && math.Abs(s.Loss-float64(run.Losses[s.Step])) > 1e-5 {
					t.Errorf("step %d: loss %v, in training %v", s.Step, s.Loss, run.Losses[s.Step])
				}
				trainable := 0
				for _, w := range run.Weights {
					if w.Trainable {
						trainable++
					}
				}
				if len(s.Parameters) != trainable {
					t.Errorf("%d parameters, want %d", len(s.Parameters), trainable)
				}
			}
		})
	}
}

func TestProbeOfDivergence(t *testing.T) {
	e := short(3)
	e.LearningRate = 1e20
	for i, run := range compareProbed(t, e, Probe{}) {
		last := run.Snapshots[len(run.Snapshots)-1]
		notFinite := 0
		for _, s := range last.Signals {
			notFinite += s.NotFinite
		}
		if run.Status == Diverged && math.IsNaN(run.Last().Loss) && notFinite == 0 {
			t.Errorf("network %d diverged, and all signals are finite: %+v", i, last.Signals)
		}
		if i == 0 && (run.Status != Diverged || notFinite == 0) {
			t.Errorf("without batch normalization: %v, %d values not finite", run.Status, notFinite)
		}
	}
}

func compareProbed(t *testing.T, e Experiment, p Probe) []*Run {
	t.Helper()
	return compare(t, e, probed(t, p))
}

func TestProbeOnPureGo(t *testing.T) {
	if !loopsOnDevice(testBackend(t)) {
		t.Skip("the default backend is not XLA: nothing to compare with")
	}
	slow, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	e := short(2)
	e.Steps, e.Every, e.Batch, e.Hidden = 4, 2, 16, []int{12, 8}
	o := probed(t, Probe{Images: 64})
	o.Backend = slow
	got, want := compare(t, e, o), compareProbed(t, e, Probe{Images: 64})
	for i := range got {
		if diff := cmp.Diff(want[i].Snapshots, got[i].Snapshots, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-3, 1e-5),
			cmpopts.IgnoreFields(Histogram{}, "Counts")); diff != "" {
			t.Errorf("network %d (-XLA +pure Go):\n%s", i, diff)
		}
	}
	for name, c := range ownModels {
		if strings.HasPrefix(name, "GoMLX's") {
			continue // its batch norm does not train there
		}
		e.Steps, e.Every = 1, 1
		o := probed(t, Probe{Images: 20})
		o.Backend = slow
		if diff := cmp.Diff(c.want, signals(trainOne(t, e, c.model, o).Snapshots[0])); diff != "" {
			t.Errorf("%s: signals (-want +got):\n%s", name, diff)
		}
	}
}

func TestProbeInQuickMode(t *testing.T) {
	t.Setenv(QuickEnv, "1")
	e := Article[1]
	if got := steps(compareProbed(t, e, Probe{Images: 10})[1]); !slices.Equal(got, []int{0, 20, 40, 60}) {
		t.Errorf("looked at steps %v", got)
	}
	if got := steps(compareProbed(t, e, Probe{Images: 10, Steps: []int{0, 30, 1000, 50000}})[1]); !slices.Equal(got, []int{0, 30, 60}) {
		t.Errorf("looked at steps %v", got)
	}
}

// TestProbeAndStore checks when a stored run serves a call with a probe.
func TestProbeAndStore(t *testing.T) {
	o := options(t)
	e := short(1)
	train := func(p *Probe) (trained bool, runs []*Run) {
		o.Probe = p
		o.Recorder = recorderFunc(func(Progress) { trained = true })
		runs = compare(t, e, o)
		return trained, runs
	}
	for _, c := range []struct {
		name  string
		probe *Probe
		want  bool // trains
	}{
		{"nothing stored", nil, true},
		{"the run has no snapshots", &Probe{Images: 20}, true},
		{"the same again", &Probe{Images: 20}, false},
		{"no probe", nil, false},
		{"some of the steps", &Probe{Images: 20, Steps: []int{40, 0}}, false},
		{"other steps", &Probe{Images: 20, Steps: []int{0, 10}}, true},
		{"other images", &Probe{Images: 21, Steps: []int{0, 10}}, true},
		{"the same again", &Probe{Images: 21, Steps: []int{0, 10}}, false},
		{"the steps of before", &Probe{Images: 21}, true},
	} {
		trained, runs := train(c.probe)
		if trained != c.want {
			t.Errorf("%s: trained %v, want %v", c.name, trained, c.want)
		}
		if c.probe != nil && !c.probe.served(runs[0], 0) {
			t.Errorf("%s: snapshots at %v", c.name, steps(runs[0]))
		}
	}
}

func TestProbeValidate(t *testing.T) {
	for want, p := range map[string]Probe{
		"Probe.Images is -1; allowed: 1 to 5000":   {Images: -1},
		"Probe.Images is 5001; allowed: 1 to 5000": {Images: 5001},
		"Probe.Steps[1] is 41; allowed: 0 to 40":   {Steps: []int{0, 41}},
		"Probe.Steps[0] is -3; allowed: 0 to 40":   {Steps: []int{-3}},
	} {
		_, err := Compare(context.Background(), short(1), probed(t, p))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", p, err, want)
		}
	}
}

func floats(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
