package parallel_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/norms"
	"batchnorm/bnlib/parallel"
	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

const devices = 4

// several returns a backend with several devices, or skips the test.
func several(t *testing.T) compute.Backend {
	t.Helper()
	b, err := backend.Devices(devices)
	if err != nil {
		t.Skip(err)
	}
	return b
}

// short is an experiment of few steps of a small network.
func short(number, steps int) bnlib.Experiment {
	e := bnlib.Article(number)
	e.Hidden, e.Steps, e.Every, e.LearningRate = []int{32, 16}, steps, max(1, steps/2), 0.1
	return e
}

func train(t *testing.T, n bnlib.Network, options *parallel.Options) *parallel.Result {
	t.Helper()
	result, err := parallel.Train(context.Background(), n, devices, options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func alone(t *testing.T, n bnlib.Network) *bnlib.Run {
	t.Helper()
	runs, err := bnlib.Train(context.Background(), []bnlib.Network{n}, &bnlib.Options{Store: &bnlib.Store{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	return runs[0]
}

// apart is the largest difference of two losses, relative to the second.
func apart(a, b []float32) (most float64) {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		most = max(most, math.Abs(float64(a[i])/float64(b[i])-1))
	}
	return most
}

// weightsApart is the largest difference of two networks' trained variables, each relative to the largest number of its variable.
func weightsApart(a, b *bnlib.Run) (most float64) {
	for _, w := range b.Weights {
		if !w.Trainable {
			continue
		}
		same, _ := a.Weight(w.Name)
		largest, difference := 0.0, math.Inf(1)
		if len(same.Values) == len(w.Values) {
			difference = 0
		}
		for i := range same.Values {
			largest = max(largest, math.Abs(float64(w.Values[i])))
			difference = max(difference, math.Abs(float64(same.Values[i]-w.Values[i])))
		}
		if difference > 0 {
			most = max(most, difference/largest)
		}
	}
	return most
}

// TestOneDevice trains on several devices what one device can train as well. They differ in the order of additions, by a few float32
// roundings (6e-8) a step, which steps make larger; what is another computation differs by a thousand times as much.
func TestOneDevice(t *testing.T) {
	several(t)
	const same, other = 2e-5, 2e-3
	e := short(1, 40)
	e.Schedule = func(step int) float64 { return 1 / (1 + float64(step)/20) }
	e.Rates = bnlib.ByVariable{"hidden_2/dense/*": 0.05, "logits/dense/biases": 0}
	own := bnlib.Network{Experiment: e, Norm: parallel.Synced}
	own.Model = own.Logits
	for _, c := range []struct {
		what       string
		many, one  bnlib.Network
		deal       parallel.Deal
		different  bool
		allReduces int
	}{
		{what: "no norm", many: bnlib.Network{Experiment: e, Norm: bnlib.None}, one: bnlib.Network{Experiment: e, Norm: bnlib.None}, allReduces: 5},
		{what: "synchronised", many: bnlib.Network{Experiment: e, Norm: parallel.Synced}, one: bnlib.Network{Experiment: e, Norm: bnlib.Batch}, allReduces: 7 + 8},
		{what: "synchronised, sorted", many: bnlib.Network{Experiment: e, Norm: parallel.Synced}, one: bnlib.Network{Experiment: e, Norm: bnlib.Batch},
			deal: parallel.Sorted, allReduces: 7 + 8},
		{what: "a model function", many: own, one: bnlib.Network{Experiment: e, Norm: bnlib.Batch}, allReduces: 7 + 8},
		{what: "each its own", many: bnlib.Network{Experiment: e, Norm: bnlib.Batch}, one: bnlib.Network{Experiment: e, Norm: norms.Ghost(e.Batch / devices)}, allReduces: 7},
		{what: "each its own, all in one", many: bnlib.Network{Experiment: e, Norm: bnlib.Batch}, one: bnlib.Network{Experiment: e, Norm: bnlib.Batch},
			different: true, allReduces: 7},
		{what: "each its own, sorted", many: bnlib.Network{Experiment: e, Norm: bnlib.Batch}, one: bnlib.Network{Experiment: e, Norm: norms.Ghost(e.Batch / devices)},
			deal: parallel.Sorted, different: true, allReduces: 7},
	} {
		many, one := train(t, c.many, &parallel.Options{Deal: c.deal}), alone(t, c.one)
		losses, weights := apart(many.Losses, one.Losses), weightsApart(many.Runs[0], one)
		t.Logf("%s: losses differ by %.1e, weights by %.1e; %d all-reduces, %d bytes", c.what, losses, weights, many.AllReduces, many.Bytes)
		if first := apart(many.Losses[:1], one.Losses[:1]); !c.different && first > 1e-6 {
			t.Errorf("%s: the first loss differs by %.1e; want at most 1e-6", c.what, first)
		}
		if c.different != (losses > other) || c.different != (weights > other) || !c.different && max(losses, weights) > same {
			t.Errorf("%s: losses differ by %.1e, weights by %.1e; want at most %.0e, or more than %.0e where they are others", c.what, losses, weights, same, other)
		}
		if many.AllReduces != c.allReduces {
			t.Errorf("%s: %d all-reduces; want %d", c.what, many.AllReduces, c.allReduces)
		}
		for d, run := range many.Runs {
			for i, w := range run.Weights {
				equal := slices.Equal(w.Values, many.Runs[0].Weights[i].Values)
				if want := d == 0 || w.Trainable || c.many.Norm.Name != bnlib.Batch.Name; equal != want {
					t.Errorf("%s: %s is the same on devices 0 and %d: %v; want %v", c.what, w.Name, d, equal, want)
				}
			}
		}
	}
}

// TestAveragesOfSynced compares moving averages with those of one device.
func TestAveragesOfSynced(t *testing.T) {
	several(t)
	e := short(2, 20)
	many := train(t, bnlib.Network{Experiment: e, Norm: parallel.Synced}, nil).Runs[3]
	one := alone(t, bnlib.Network{Experiment: e, Norm: bnlib.Batch})
	for _, name := range []string{"hidden_1/batch_norm/moving_mean", "hidden_2/batch_norm/moving_variance"} {
		a, _ := many.Weight(name)
		b, _ := one.Weight(name)
		for i := range b.Values {
			if difference := math.Abs(float64(a.Values[i] - b.Values[i])); difference > 1e-5*(1+math.Abs(float64(b.Values[i]))) {
				t.Fatalf("%s[%d] is %v; on one device %v", name, i, a.Values[i], b.Values[i])
			}
		}
	}
}

// TestMean takes the gradient of a loss through statistics of all devices, and on one device. What forgets other devices in the
// backward pass, or takes statistics for constants, gets another one.
func TestMean(t *testing.T) {
	on := several(t)
	const images, units = 6, 5
	values := make([]float32, devices*images*units)
	for i := range values {
		values[i] = float32((i*37)%41)/20 + float32(i/(images*units)) // a device's mean is its own
	}
	weigh := func(x *Node) *Node { return Tanh(Add(x, Mul(x, x))) }
	gradient := func(statistics func(x *Node) (mean, variance *Node)) func(x *Node) *Node {
		return func(x *Node) *Node {
			mean, variance := statistics(x)
			y := Div(Sub(x, mean), Sqrt(AddScalar(variance, bnlib.Epsilon)))
			return Gradient(ReduceAllMean(weigh(y)), x)[0]
		}
	}
	one, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	out, err := MustNewExec(one, gradient(bnlib.BatchStatistics)).Call(tensors.FromFlatDataAndDimensions(values, devices*images, units))
	if err != nil {
		t.Fatal(err)
	}
	want := tensors.MustCopyFlatData[float32](out[0])
	mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{"data"})
	if err != nil {
		t.Fatal(err)
	}
	forgets := func(x *Node) *Node { // passes back its own part alone
		m := parallel.Mean(StopGradient(x))
		return Add(m, MulScalar(Sub(x, StopGradient(x)), 1./devices))
	}
	for _, c := range []struct {
		what       string
		statistics func(x *Node) (mean, variance *Node)
		right      bool
	}{
		{"synchronised", parallel.Statistics, true},
		{"other devices forgotten", func(x *Node) (mean, variance *Node) {
			mean = forgets(ReduceAndKeep(x, ReduceMean, 0))
			return mean, forgets(ReduceAndKeep(Square(Sub(x, mean)), ReduceMean, 0))
		}, false},
		{"constants", func(x *Node) (mean, variance *Node) {
			mean, variance = parallel.Statistics(x)
			return StopGradient(mean), StopGradient(variance)
		}, false},
	} {
		var inputs []any
		for part := range slices.Chunk(values, images*units) {
			inputs = append(inputs, tensors.FromFlatDataAndDimensions(part, images, units))
		}
		exec := MustNewExec(on, gradient(c.statistics))
		exec.SPMD(mesh)
		out, err := exec.Call(inputs...)
		if err != nil {
			t.Fatal(err)
		}
		largest, difference := 0.0, 0.0
		for i := range want {
			got := tensors.MustCopyFlatData[float32](out[i/(images*units)])[i%(images*units)] / devices // a device's loss is a mean over its own
			largest = max(largest, math.Abs(float64(want[i])))
			difference = max(difference, math.Abs(float64(got-want[i])))
		}
		t.Logf("%s: gradients up to %.2e differ by %.1e", c.what, largest, difference)
		if right := difference < 1e-5*largest; right != c.right || !c.right && difference < 0.01*largest {
			t.Errorf("%s: gradients up to %.2e differ by %.1e; the same: %v, want %v", c.what, largest, difference, right, c.right)
		}
	}
}

// TestStep counts what is exchanged in a step of the article's network: the gradients of weights, of gamma and beta and of the last bias,
// and for each normalized layer four times as many numbers as it has units.
func TestStep(t *testing.T) {
	several(t)
	e := bnlib.Article(1)
	e.Steps, e.Every = 2, 1
	const numbers = 784*128 + 2*128*128 + 6*128 + 128*10 + 10
	var steps []int
	look := func(step int, runs []*bnlib.Run) error {
		steps = append(steps, step)
		if len(runs) != devices || len(runs[0].Weights) == 0 || len(runs[0].Losses) != step {
			t.Errorf("step %d: %d runs, %d losses", step, len(runs), len(runs[0].Losses))
		}
		return nil
	}
	own := train(t, bnlib.Network{Experiment: e, Norm: bnlib.Batch}, &parallel.Options{Look: look})
	synced := train(t, bnlib.Network{Experiment: e, Norm: parallel.Synced}, nil)
	if own.AllReduces != 11 || own.Bytes != 4*numbers {
		t.Errorf("own statistics: %d all-reduces of %d bytes; want 11 of %d", own.AllReduces, own.Bytes, 4*numbers)
	}
	if synced.AllReduces != 11+12 || synced.Bytes != 4*(numbers+12*128) {
		t.Errorf("synchronised: %d all-reduces of %d bytes; want 23 of %d", synced.AllReduces, synced.Bytes, 4*(numbers+12*128))
	}
	if !slices.Equal(steps, []int{0, 1, 2}) {
		t.Errorf("looks at steps %v; want 0, 1 and 2", steps)
	}
	if logits, err := bnlib.Logits(synced.Runs[1], mnist(t).Validation); err != nil || len(logits) == 0 {
		t.Errorf("logits of a device's network: %d, %v", len(logits), err)
	}
}

// TestOne trains on one device what bnlib.Train trains.
func TestOne(t *testing.T) {
	n := bnlib.Network{Experiment: short(1, 10), Norm: parallel.Synced}
	result, err := parallel.Train(context.Background(), n, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := apart(result.Losses, alone(t, n).Losses); got > 1e-5 || result.AllReduces != 0 {
		t.Errorf("losses differ by %.1e, %d all-reduces", got, result.AllReduces)
	}
}

func TestQuick(t *testing.T) {
	t.Setenv(bnlib.QuickEnv, "1")
	n := bnlib.Network{Experiment: short(1, 1000), Norm: bnlib.Batch}
	result, err := parallel.Train(context.Background(), n, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(result.Losses), len(alone(t, n).Losses); got != want {
		t.Errorf("%d steps in quick mode; bnlib.Train makes %d", got, want)
	}
}

func TestDeal(t *testing.T) {
	labels := []uint8{3, 0, 3, 1, 0, 2}
	if got := parallel.InTurn(labels, 2); !slices.Equal(got, []int{0, 2, 4, 1, 3, 5}) {
		t.Errorf("in turn: %v", got)
	}
	if got := parallel.Sorted(labels, 2); !slices.Equal(got, []int{1, 4, 3, 5, 0, 2}) {
		t.Errorf("sorted: %v", got)
	}
}

func TestErrors(t *testing.T) {
	several(t)
	good := bnlib.Network{Experiment: short(1, 4), Norm: bnlib.Batch}
	with := func(change func(n *bnlib.Network)) bnlib.Network {
		n := good
		change(&n)
		return n
	}
	stop := errors.New("seen enough")
	for _, c := range []struct {
		what    string
		n       bnlib.Network
		devices int
		options *parallel.Options
		want    string
	}{
		{"no device", good, 0, nil, "n is 0; allowed: 1 to"},
		{"59 images", with(func(n *bnlib.Network) { n.Batch = 59 }), devices, nil, "Experiment.Batch is 59; allowed: a multiple of 4, the number of devices"},
		{"decay", with(func(n *bnlib.Network) { n.Decay = bnlib.ByVariable{"*": 1e-3} }), devices, nil, "Experiment.Decay is map[*:0.001]; allowed: none"},
		{"no steps", with(func(n *bnlib.Network) { n.Steps = 0 }), devices, nil, "Experiment.Steps is 0; allowed: 1 to"},
		{"an image twice", good, devices, &parallel.Options{Deal: func(labels []uint8, _ int) []int { return make([]int, len(labels)) }},
			"allowed: each number from 0 to 59 once"},
		{"an image missing", good, devices, &parallel.Options{Deal: func([]uint8, int) []int { return nil }}, "Options.Deal gives []; allowed: each number"},
		{"a look that fails", good, devices, &parallel.Options{Look: func(int, []*bnlib.Run) error { return stop }}, stop.Error()},
		{"a norm that panics on several devices", with(func(n *bnlib.Network) {
			n.Norm = bnlib.Norm{Name: "brittle", Apply: func(_ *model.Scope, x *Node) *Node {
				if x.Graph().NumDevices() > 1 {
					panic("not here")
				}
				return x
			}}
		}), devices, nil, "not here"},
	} {
		if _, err := parallel.Train(context.Background(), c.n, c.devices, c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.what, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	looks := 0
	result, err := parallel.Train(ctx, good, devices, &parallel.Options{Look: func(int, []*bnlib.Run) error {
		if looks++; looks == 2 {
			cancel()
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) || len(result.Losses) != 3 || result.Runs[0].Status != bnlib.Cancelled || len(result.Runs[0].Weights) == 0 {
		t.Errorf("cancelled: %v, %d losses", err, len(result.Losses))
	}
}

func mnist(t *testing.T) *data.Dataset {
	t.Helper()
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	return d
}
