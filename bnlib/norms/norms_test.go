package norms

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/plain"
	"batchnorm/data"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"
	gomlxnorm "github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
)

const images, units = 12, 6

// drawn returns numbers of a normal distribution with mean 0.5: those that are normalized (stream 1), and others.
func drawn(stream uint64, n int) []float64 {
	rng := rand.New(rand.NewPCG(1, stream))
	v := make([]float64, n)
	for i := range v {
		v[i] = 0.5 + rng.NormFloat64()
	}
	return v
}

// layer is what a norm makes of linear outputs, with variables that a test can see.
type layer struct {
	t     *testing.T
	apply func(scope *model.Scope, x *Node) *Node
	store *model.Store
}

func newLayer(t *testing.T, apply func(scope *model.Scope, x *Node) *Node) *layer {
	return &layer{t, apply, model.NewStore()}
}

// call builds y and what else build makes of x and y, and returns their numbers.
func (l *layer) call(training bool, x []float64, build func(x, y *Node) []*Node) [][]float64 {
	l.t.Helper()
	b, err := backend.Open()
	if err != nil {
		l.t.Fatal(err)
	}
	outputs, err := model.CallOnceN(b, l.store, func(scope *model.Scope, x *Node) []*Node {
		scope.Store().SetTraining(x.Graph(), training)
		y := l.apply(scope, x)
		return append([]*Node{y}, build(x, y)...)
	}, tensors.FromFlatDataAndDimensions(x, images, len(x)/images))
	if err != nil {
		l.t.Fatal(err)
	}
	var values [][]float64
	for _, o := range outputs {
		values = append(values, tensors.MustCopyFlatData[float64](o))
	}
	return values
}

func (l *layer) output(training bool, x []float64) []float64 {
	l.t.Helper()
	return l.call(training, x, func(x, y *Node) []*Node { return nil })[0]
}

// set gives a variable other values than those it starts with.
func (l *layer) set(path string, values []float64) {
	l.t.Helper()
	v := l.store.GetVariable(path)
	if v == nil {
		l.t.Fatalf("no variable %s", path)
	}
	if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
		l.t.Fatal(err)
	}
}

// identity is the activation of layers that a norm builds whole.
func identity(x *Node) *Node { return x }

// whole returns a norm's own layer of so many units as a function of its input.
func whole(norm bnlib.Norm, units int) func(scope *model.Scope, x *Node) *Node {
	return func(scope *model.Scope, x *Node) *Node { return norm.Layer(scope, x, units, identity) }
}

// groups splits the numbers of [images, units] into those that share statistics: of what statistics are taken over, of returns the group
// of an image and a unit.
func groups(x []float64, of func(i, j int) int) (mean, variance, square func(i, j int) float64) {
	sums, squares, n := map[int]float64{}, map[int]float64{}, map[int]float64{}
	for k, v := range x {
		g := of(k/units, k%units)
		sums[g], squares[g], n[g] = sums[g]+v, squares[g]+v*v, n[g]+1
	}
	spread := map[int]float64{}
	for k, v := range x {
		g := of(k/units, k%units)
		spread[g] += math.Pow(v-sums[g]/n[g], 2) / n[g]
	}
	return func(i, j int) float64 { return sums[of(i, j)] / n[of(i, j)] },
		func(i, j int) float64 { return spread[of(i, j)] },
		func(i, j int) float64 { return squares[of(i, j)] / n[of(i, j)] }
}

func image(i, _ int) int { return i }
func unit(_, j int) int  { return j }

// relatives are the norms that are functions of linear outputs, each as its formula in plain Go: y without gamma and beta.
var relatives = []struct {
	norm    bnlib.Norm
	scope   string // of its variables
	gamma   bool
	over    func(i, j int) int // which numbers share statistics
	formula func(x, mean, variance, square float64) float64
}{
	{Layer, "layer_norm", true, image, standardized},
	{Group(2), "group_norm", true, func(i, j int) int { return 2*i + j/3 }, standardized},
	{Group(1), "group_norm", true, image, standardized},
	{RMS, "rms_norm", true, image, func(x, _, _, square float64) float64 { return x / math.Sqrt(square+bnlib.Epsilon) }},
	{MeanOnly, "mean_only", false, unit, func(x, mean, _, _ float64) float64 { return x - mean }},
	{VarianceOnly, "variance_only", true, unit, func(x, _, variance, _ float64) float64 { return x / math.Sqrt(variance+bnlib.Epsilon) }},
	{Detached, "batch_norm", true, unit, standardized},
	{Fixed, "batch_norm", true, unit, standardized},
	{bnlib.Batch, "batch_norm", true, unit, standardized},
	{DyT, "dyt", true, unit, func(x, _, _, _ float64) float64 { return math.Tanh(x / 2) }},
}

func standardized(x, mean, variance, _ float64) float64 {
	return (x - mean) / math.Sqrt(variance+bnlib.Epsilon)
}

// TestFormulas holds every norm, in training, with a gamma and a beta, to its formula, and so are its gradients to differences of the
// formula: but for Detached, whose gradient is that of the formula with the statistics held.
func TestFormulas(t *testing.T) {
	x, gamma, beta, w := drawn(1, images*units), drawn(2, units), drawn(3, units), drawn(4, images*units)
	for _, r := range relatives {
		t.Run(r.norm.Name, func(t *testing.T) {
			l := newLayer(t, r.norm.Apply)
			l.output(true, x) // creates the variables
			if r.gamma {
				l.set("/"+r.scope+"/gamma", gamma)
			}
			l.set("/"+r.scope+"/beta", beta)
			value := func(x, statisticsOf []float64) (y []float64, loss float64) {
				mean, variance, square := groups(statisticsOf, r.over)
				y = make([]float64, len(x))
				for k := range x {
					i, j := k/units, k%units
					y[k] = r.formula(x[k], mean(i, j), variance(i, j), square(i, j))
					if r.gamma {
						y[k] *= gamma[j]
					}
					y[k] += beta[j]
					loss += w[k] * y[k]
				}
				return y, loss
			}
			slope := func(held bool) []float64 { // central differences
				const h = 1e-6
				slopes := make([]float64, len(x))
				for k := range x {
					up, down := slices.Clone(x), slices.Clone(x)
					up[k] += h
					down[k] -= h
					statisticsUp, statisticsDown := up, down
					if held {
						statisticsUp, statisticsDown = x, x
					}
					_, above := value(up, statisticsUp)
					_, below := value(down, statisticsDown)
					slopes[k] = (above - below) / (2 * h)
				}
				return slopes
			}
			got := l.call(true, x, func(x, y *Node) []*Node {
				weights := Const(x.Graph(), tensors.FromFlatDataAndDimensions(w, images, units))
				return Gradient(ReduceAllSum(Mul(y, weights)), x)
			})
			want, _ := value(x, x)
			if d := plain.Difference(got[0], want); !(d <= 1e-9) {
				t.Errorf("output is off by %.3g of the largest\n got %v\nwant %v", d, got[0], want)
			}
			detached := r.norm.Equal(Detached)
			if d := plain.Difference(got[1], slope(detached)); !(d <= 1e-7) {
				t.Errorf("gradient is off by %.3g of the largest", d)
			}
			if d := plain.Difference(got[1], slope(!detached)); detached && d < 0.01 {
				t.Errorf("the gradient is the right one, within %.3g of the largest", d)
			}
		})
	}
}

// TestStatistics holds what norms of the minibatch do in inference: they use averages, which move in training and not in inference.
// The others do the same as in training.
func TestStatistics(t *testing.T) {
	x := drawn(1, images*units)
	for _, r := range relatives {
		t.Run(r.norm.Name, func(t *testing.T) {
			l := newLayer(t, r.norm.Apply)
			const steps = 3
			var training []float64
			for range steps {
				training = l.output(true, x)
			}
			averages := func() (all [][]float64) {
				for _, name := range []string{"moving_mean", "moving_variance"} {
					if v := l.store.GetVariable("/" + r.scope + "/" + name); v != nil {
						all = append(all, tensors.MustCopyFlatData[float64](v.MustValue()))
					}
				}
				return all
			}
			before := averages()
			inference := l.output(false, x)
			if after := averages(); !slices.EqualFunc(before, after, slices.Equal[[]float64]) {
				t.Errorf("averages %v are %v after inference", before, after)
			}
			mean, variance, _ := groups(x, unit)
			want := slices.Clone(training)
			if len(before) > 0 {
				left := math.Pow(bnlib.Momentum, steps) // of where averages start, 0 and 1
				for k := range x {
					i, j := k/units, k%units
					want[k] = r.formula(x[k], (1-left)*mean(i, j), left+(1-left)*variance(i, j), 0)
				}
			}
			if d := plain.Difference(inference, want); !(d <= 1e-9) {
				t.Errorf("inference is off by %.3g of the largest, with averages %v", d, before)
			}
		})
	}
}

// TestNormalizes takes the outputs' own statistics, before gamma and beta have moved: those that a norm fixes are 0 and 1, but for
// epsilon; of numbers a thousand times as large it is the same.
func TestNormalizes(t *testing.T) {
	x := drawn(1, images*units)
	for k := range x {
		x[k] *= 1000
	}
	for _, r := range relatives {
		y := newLayer(t, r.norm.Apply).output(true, x)
		mean, variance, square := groups(y, r.over)
		for i := range images {
			for j := range units {
				var got, want float64
				switch r.norm.Name {
				case MeanOnly.Name:
					got, want = mean(i, j)/1000, 0
				case VarianceOnly.Name:
					got, want = variance(i, j), 1
				case RMS.Name:
					got, want = square(i, j), 1
				case DyT.Name:
					got, want = math.Ceil(math.Abs(y[i*units+j])), 1 // within −1 and 1
				default:
					got, want = mean(i, j)+10*variance(i, j), 10
				}
				if math.Abs(got-want) > 1e-6 {
					t.Fatalf("%s: image %d, unit %d: %v, want %v", r.norm.Name, i, j, got, want)
				}
			}
		}
	}
}

// TestAgainstGoMLX holds norms to those of GoMLX that have the same formula, in training and in inference, and with the same gradients.
func TestAgainstGoMLX(t *testing.T) {
	x, w := drawn(1, images*units), drawn(4, images*units)
	for _, c := range []struct {
		norm      bnlib.Norm
		theirs    func(scope *model.Scope, x *Node) *Node
		tolerance float64
		inference bool
	}{
		{Layer, func(scope *model.Scope, x *Node) *Node {
			return gomlxnorm.LayerNorm(scope, x, -1).Epsilon(bnlib.Epsilon).Done()
		}, 1e-9, true},
		{RMS, func(scope *model.Scope, x *Node) *Node {
			return gomlxnorm.RMSNorm(scope, x).WithEpsilon(bnlib.Epsilon).Done()
		}, 1e-9, true},
		{DyT, func(scope *model.Scope, x *Node) *Node { return gomlxnorm.DynamicTanh(scope, x).Done() }, 1e-9, true},
		{bnlib.Batch, GoMLX.Apply, 1e-6, false}, // whose epsilon is a float32, and whose averages start otherwise
	} {
		for _, training := range []bool{true, false} {
			if !training && !c.inference {
				continue
			}
			both := func(apply func(scope *model.Scope, x *Node) *Node) [][]float64 {
				return newLayer(t, apply).call(training, x, func(x, y *Node) []*Node {
					return Gradient(ReduceAllSum(Mul(y, Const(x.Graph(), tensors.FromFlatDataAndDimensions(w, images, units)))), x)
				})
			}
			ours, theirs := both(c.norm.Apply), both(c.theirs)
			for k, what := range []string{"output", "gradient"} {
				if d := plain.Difference(ours[k], theirs[k]); !(d <= c.tolerance) {
					t.Errorf("%s, training %v: %s is off by %.3g of the largest", c.norm.Name, training, what, d)
				}
			}
		}
	}
}

// TestGoMLXAverages holds what the doc comment says of them: after a step they are the statistics of the minibatch.
func TestGoMLXAverages(t *testing.T) {
	x := drawn(1, images*units)
	l := newLayer(t, GoMLX.Apply)
	training := l.output(true, x)
	if d := plain.Difference(l.output(false, x), training); !(d <= 1e-6) {
		t.Errorf("after one step inference is off by %.3g of the largest", d)
	}
}

// pytorch is what testdata/pytorch.py prints, for the second of twelve images.
var pytorch = map[string][]float64{
	"layer_norm":  {-0.9570359432743347, -0.9114288017661403, 1.3359082547134276, -0.522998165955014, -0.3748502747924204, 1.4304049310744817},
	"group_norm":  {-0.5152813675934694, 0.5152813675934724, 0.9991684797591744, -0.9991684797591743, -0.9991183869646997, 0.9991183869646997},
	"rms_norm":    {-1.1586072126376956, -1.1141845772605388, 1.074784766753876, -0.7358422402198673, -0.5915420378090637, 1.1668271807163049},
	"weight_norm": {-0.14015797299054703, 0.7335999938986231},
}

// TestAgainstPyTorch holds norms to numbers of PyTorch's functional layer_norm, group_norm, rms_norm and of its weight_norm, float64, with
// eps=1e-3.
func TestAgainstPyTorch(t *testing.T) {
	for name, c := range pytorch {
		apply := map[string]func(scope *model.Scope, x *Node) *Node{
			"layer_norm": Layer.Apply, "group_norm": Group(3).Apply, "rms_norm": RMS.Apply, "weight_norm": whole(Weight, 2),
		}[name]
		l := newLayer(t, apply)
		x := make([]float64, images*units)
		for k := range x {
			x[k] = math.Sin(float64(k * k))
		}
		l.output(true, x)
		if name == "weight_norm" {
			v, gain := make([]float64, 2*units), []float64{0.5, 2}
			for k := range v {
				v[k] = math.Cos(float64(k * k))
			}
			l.set("/dense/weights", v)
			l.set("/dense/gain", gain)
		}
		got := l.output(true, x)[len(c) : 2*len(c)]
		if d := plain.Difference(got, c); !(d <= 1e-9) {
			t.Errorf("%s: off by %.3g of the largest\n got %v\nwant %v", name, d, got, c)
		}
	}
}

// TestWeight holds weight normalization's layer to what it promises: it is blind to the scale of each unit's weights, and their gradient
// is at a right angle to them and falls with their scale (Salimans and Kingma 2016, section 2.1).
func TestWeight(t *testing.T) {
	x, v, w := drawn(1, images*units), drawn(2, units*4), drawn(4, images*4)
	l := newLayer(t, whole(Weight, 4))
	l.output(true, x)
	at := func(scale float64) (y, gradient []float64) {
		large := slices.Clone(v)
		for k := range large {
			large[k] *= scale
		}
		l.set("/dense/weights", large)
		out := l.call(true, x, func(x, y *Node) []*Node {
			loss := ReduceAllSum(Mul(y, Const(x.Graph(), tensors.FromFlatDataAndDimensions(w, images, 4))))
			return Gradient(loss, l.store.GetVariable("/dense/weights").NodeValue(x.Graph()))
		})
		return out[0], out[1]
	}
	y, gradient := at(1)
	large, small := at(1000)
	if d := plain.Difference(large, y); !(d <= 1e-9) {
		t.Errorf("with weights a thousand times as large the output is off by %.3g of the largest", d)
	}
	for k := range small {
		small[k] *= 1000
	}
	if d := plain.Difference(small, gradient); !(d <= 1e-9) {
		t.Errorf("a thousand times their gradient is off by %.3g of the largest", d)
	}
	for j := range 4 {
		along, squares := 0.0, 0.0
		for k := j; k < len(v); k += 4 {
			along, squares = along+v[k]*gradient[k], squares+gradient[k]*gradient[k]
		}
		if math.Abs(along) > 1e-9*math.Sqrt(squares) {
			t.Errorf("unit %d: the gradient has %.3g along the weights, of %.3g", j, along, math.Sqrt(squares))
		}
	}
}

// all are the package's norms.
func all() []bnlib.Norm {
	return []bnlib.Norm{Layer, Group(2), RMS, MeanOnly, VarianceOnly, Detached, Fixed, AfterActivation, Only(bnlib.Batch, 2), Weight, DyT, GoMLX}
}

// TestTrains trains a network with each norm, on images that it learns by heart: it ends with a loss well below that of guessing, all
// start from the same weights, and no two are the same network.
func TestTrains(t *testing.T) {
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	first := func(s data.Set, n int) data.Set {
		return data.Set{Images: s.Images[:n*data.Pixels], Labels: s.Labels[:n]}
	}
	few := &data.Dataset{Train: first(d.Train, 200), Validation: first(d.Validation, 50), Test: first(d.Test, 50), Checksum: "first 200"}
	e := bnlib.Experiment{Name: "short", InitStd: .3, LearningRate: .2, Activation: activation.TypeRelu, Hidden: []int{16, 8}, Batch: 20, Steps: 300, Every: 300, Seed: 1}
	networks := e.With(all()...)
	runs, err := bnlib.Train(context.Background(), networks, &bnlib.Options{Data: few, Store: &bnlib.Store{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for i, run := range runs {
		name := run.Network.Norm.Name
		if other, twice := keys[run.Key]; twice {
			t.Errorf("%s and %s are one network", name, other)
		}
		keys[run.Key] = name
		last := 0.0
		for _, loss := range run.Losses[len(run.Losses)-20:] {
			last += float64(loss) / 20
		}
		if !(last < math.Log(data.Classes)/2) {
			t.Errorf("%s: the loss of the last steps is %.3g, %v", name, last, run.Status)
		}
		start, err := networks[i].InitialWeights()
		if err != nil {
			t.Fatal(err)
		}
		for _, weight := range start {
			if weight.Name == "hidden_1/dense/weights" && !slices.Equal(weight.Values[:4], initial(t, networks[0])) {
				t.Errorf("%s starts with other weights", name)
			}
			if name == Fixed.Name && weight.Name == "hidden_1/batch_norm/gamma" {
				if end, _ := run.Weight(weight.Name); !slices.Equal(end.Values, weight.Values) {
					t.Errorf("gamma is %v, and was %v", end.Values, weight.Values)
				}
			}
		}
	}
}

func initial(t *testing.T, n bnlib.Network) []float32 {
	t.Helper()
	start, err := n.InitialWeights()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(start, func(w bnlib.Weight) bool { return w.Name == "hidden_1/dense/weights" })
	return start[i].Values[:4]
}

// TestFixedIsFrozen holds Fixed to batch normalization whose gamma and beta have a rate of 0.
func TestFixedIsFrozen(t *testing.T) {
	e := bnlib.Article(1)
	e.Hidden, e.LearningRate, e.Steps, e.Every = []int{16}, 0.5, 20, 20
	frozen := e
	frozen.Rates = bnlib.Frozen("hidden_*/batch_norm")
	runs, err := bnlib.Train(context.Background(), []bnlib.Network{e.With(Fixed)[0], frozen.With(bnlib.Batch)[0], e.With(bnlib.Batch)[0]},
		&bnlib.Options{Store: &bnlib.Store{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	apart := func(a, b *bnlib.Run) float64 {
		last := len(a.Losses) - 1
		return math.Abs(float64(a.Losses[last]/b.Losses[last]) - 1)
	}
	if same, other := apart(runs[0], runs[1]), apart(runs[0], runs[2]); !(same < 1e-3) || !(other > 1e-2) {
		t.Errorf("the last loss differs by %.3g from that with rates of 0, and by %.3g from that with gamma and beta trained", same, other)
	}
}

// TestOnly holds which layers have the norm, by the variables that there are.
func TestOnly(t *testing.T) {
	e := bnlib.Article(1)
	e.Hidden = []int{8, 8, 8}
	weights, err := e.With(Only(bnlib.Batch, 1, 3))[0].InitialWeights()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, w := range weights {
		names = append(names, w.Name)
	}
	for name, want := range map[string]bool{"hidden_1/batch_norm/gamma": true, "hidden_1/dense/biases": false, "hidden_2/batch_norm/gamma": false,
		"hidden_2/dense/biases": true, "hidden_3/batch_norm/gamma": true} {
		if slices.Contains(names, name) != want {
			t.Errorf("%s is there: %v; the network has %v", name, !want, names)
		}
	}
}

// TestAfterActivation holds the order: what the layer puts out has a mean of 0 and a variance of 1 over the images, as what comes out of
// a ReLU has not.
func TestAfterActivation(t *testing.T) {
	relu := func(x *Node) *Node { return Max(ZerosLike(x), x) }
	l := newLayer(t, func(scope *model.Scope, x *Node) *Node {
		return ConvertDType(AfterActivation.Layer(scope, x, units, relu), dtypes.Float64)
	})
	x := drawn(1, images*units)
	l.output(true, x)
	l.set("/dense/weights", drawn(2, units*units))
	mean, variance, _ := groups(l.output(true, x), unit)
	for j := range units {
		if math.Abs(mean(0, j)) > 1e-9 || math.Abs(variance(0, j)-1) > 0.1 && variance(0, j) != 0 {
			t.Errorf("unit %d: mean %v, variance %v", j, mean(0, j), variance(0, j))
		}
	}
}
