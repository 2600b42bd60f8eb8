package bnlib

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
)

// TestFunctionsThatFail gives networks functions that cannot build one: the error says which network, which function, and where.
func TestFunctionsThatFail(t *testing.T) {
	last := func(s *model.Scope, x *Node) *Node { return layers.Dense(s.In("out"), x, true, data.Classes) }
	variable := func(s *model.Scope, x *Node, name string) *Node {
		return Mul(x, ExpandAxes(s.VariableWithShape(name, shapes.Make(dtypes.Float32, data.Pixels)).NodeValue(x), 0))
	}
	starting := func(start model.VariableInitializer) ModelFunc {
		return func(s *model.Scope, x *Node) *Node { return last(s.WithInitializer(start), x) }
	}
	for _, c := range []struct {
		name  string
		model ModelFunc
		want  []string
	}{
		{"panics", func(*model.Scope, *Node) *Node { panic("no such layer") }, []string{"no such layer"}},
		{"panics as Go does", func(s *model.Scope, x *Node) *Node { return []*Node{}[x.Rank()] }, []string{"index out of range", "functions_test.go:"}},
		{"returns nil", func(*model.Scope, *Node) *Node { return nil }, []string{"returns nil instead of logits (Float32)[60, 10]"}},
		{"another shape", func(s *model.Scope, x *Node) *Node { return layers.Dense(s, x, true, 12) }, []string{"(Float32)[60, 12]; want (Float32)[60, 10]"}},
		{"of one image", func(s *model.Scope, x *Node) *Node { return last(s, Slice(x, AxisRange(0, 1))) }, []string{"(Float32)[1, 10]; want"}},
		{"nil to an operation", func(s *model.Scope, x *Node) *Node { return Add(nil, x) }, []string{"Node is nil"}},
		{"no variables", func(s *model.Scope, x *Node) *Node { return Slice(x, AxisRange(), AxisRange(0, 10)) }, []string{"no variable that training can move", "layers.Dense"}},
		{"variables of another store", func(s *model.Scope, x *Node) *Node { return last(model.NewStore().RootScope(), x) }, []string{"no variable that training can move"}},
		{"variables that are not trained", func(s *model.Scope, x *Node) *Node {
			v := s.VariableWithShape("v", shapes.Make(dtypes.Float32, data.Pixels, data.Classes)).SetTrainable(false)
			return Dot(x, v.NodeValue(x)).MatMul()
		}, []string{"no variable that training can move"}},
		{"float64 variables", func(s *model.Scope, x *Node) *Node {
			return ConvertDType(last(s, ConvertDType(x, dtypes.Float64)), dtypes.Float32)
		}, []string{`variable "out/dense/weights" is (Float64)[784, 10]; allowed: Float32`}},
		{"float64 logits", func(s *model.Scope, x *Node) *Node { return ConvertDType(last(s, x), dtypes.Float64) }, []string{"(Float64)[60, 10]; want (Float32)[60, 10]"}},
		{"a name with a slash", func(s *model.Scope, x *Node) *Node { return last(s, variable(s, x, "a/b")) }, []string{`"a/b" cannot contain`}},
		{"a scope with a slash", func(s *model.Scope, x *Node) *Node { return last(s, layers.Dense(s.In("a/b"), x, true, 4)) }, []string{`"a/b" cannot contain`}},
		{"no name", func(s *model.Scope, x *Node) *Node { return last(s, variable(s, x, "")) }, []string{"has no name"}},
		{"a scope twice", func(s *model.Scope, x *Node) *Node { return last(s, last(s, x)) }, []string{`"out" already visited`}},
		{"an initializer that panics", starting(func(*Graph, shapes.Shape) *Node { panic("no start") }), []string{`the initializer of variable "out/dense/`, "no start"}},
		{"an initializer of nothing", starting(func(*Graph, shapes.Shape) *Node { return nil }), []string{`the initializer of variable "out/dense/`}},
		{"an initializer of another shape", starting(func(g *Graph, _ shapes.Shape) *Node { return Ones(g, shapes.Make(dtypes.Float32, 3)) }),
			[]string{`the initializer of variable "out/dense/`, "it gives (Float32)[3]; allowed: (Float32)["}},
	} {
		e := short(1)
		e.Model = c.model
		failsWith(t, c.name, Network{Experiment: e}, append(c.want, `network "Experiment 1" (model function of your own)`))
	}
	for _, c := range []struct {
		name  string
		apply func(s *model.Scope, x *Node) *Node
		want  []string
	}{
		{"panics", func(*model.Scope, *Node) *Node { panic("no norm") }, []string{"hidden_1", "no norm"}},
		{"panics in the second layer", func(s *model.Scope, x *Node) *Node {
			if x.Shape().Dim(1) == 16 {
				panic("too narrow")
			}
			return x
		}, []string{"hidden_2", "given (Float32)[60, 16]", "too narrow"}},
		{"nil", func(*model.Scope, *Node) *Node { return nil }, []string{"hidden_1", "it returns nil"}},
		{"another shape", func(_ *model.Scope, x *Node) *Node { return ReduceAndKeep(x, ReduceMean, 0) }, []string{"it returns (Float32)[1, 32]"}},
		{"float64", func(_ *model.Scope, x *Node) *Node { return ConvertDType(x, dtypes.Float64) }, []string{"it returns (Float64)[60, 32]"}},
	} {
		failsWith(t, "a norm: "+c.name, short(1).With(Norm{Name: "mine", Apply: c.apply})[0],
			append(c.want, `network "Experiment 1" (mine)`, `Norm.Apply of "mine", given`))
	}
	for _, c := range []struct {
		name  string
		layer func(s *model.Scope, x *Node, units int, activation func(*Node) *Node) *Node
		want  []string
	}{
		{"panics", func(*model.Scope, *Node, int, func(*Node) *Node) *Node { panic("no layer") }, []string{"hidden_1", "given (Float32)[60, 784]", "no layer"}},
		{"nil", func(*model.Scope, *Node, int, func(*Node) *Node) *Node { return nil }, []string{"hidden_1", "it returns nil"}},
		{"its input", func(_ *model.Scope, x *Node, _ int, activation func(*Node) *Node) *Node { return activation(x) },
			[]string{"returns (Float32)[60, 32]", "it returns (Float32)[60, 784]"}},
	} {
		failsWith(t, "a layer: "+c.name, short(1).With(Norm{Name: "mine", Layer: c.layer})[0],
			append(c.want, `network "Experiment 1" (mine)`, `Norm.Layer of "mine", given`))
	}
}

func failsWith(t *testing.T, name string, n Network, want []string) {
	t.Helper()
	_, err := Train(context.Background(), []Network{n}, options(t))
	for _, want := range want {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "bnlib: ") {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

// TestNotANumber trains a network that puts out NaN from the start: that is a result.
func TestNotANumber(t *testing.T) {
	d, e := tiny(t)
	e.Model = func(s *model.Scope, x *Node) *Node {
		return MulScalar(layers.Dense(s, x, true, data.Classes), math.NaN())
	}
	o := options(t)
	o.Data = d
	run := trained(t, o, Network{Experiment: e})[0]
	if c, _ := run.Collapse(); run.Status != Diverged || run.DivergedAt != 1 || c.Cause != NotFinite {
		t.Errorf("%v at step %d, %v", run.Status, run.DivergedAt, c)
	}
}

// TestFunctionsThatNeverReturn gives calls functions that never return: the calls do, when their context ends.
func TestFunctionsThatNeverReturn(t *testing.T) {
	d, base := tiny(t)
	for name, call := range map[string]func(ctx context.Context, never func(), o *Options) (cancelled int, err error){
		"a model": func(ctx context.Context, never func(), o *Options) (int, error) {
			e := base
			e.Model = func(*model.Scope, *Node) *Node { never(); return nil }
			runs, err := Train(ctx, []Network{{Experiment: e}}, o)
			return early(runs), err
		},
		"a norm of a grid": func(ctx context.Context, never func(), o *Options) (int, error) {
			g := Grid{Base: base, Norms: []Norm{{Name: "mine", Apply: func(*model.Scope, *Node) *Node { never(); return nil }}}}
			results, err := g.Train(ctx, o)
			return early(results.Runs), err
		},
		"a schedule": func(ctx context.Context, never func(), o *Options) (int, error) {
			e := base
			e.Schedule = func(int) float64 { never(); return 1 }
			runs, err := Train(ctx, e.With(Batch), o)
			return early(runs), err
		},
		"a hook": func(ctx context.Context, never func(), o *Options) (int, error) {
			o.Hooks = []probe.Hook{{Name: "mine", Graph: func(*probe.Look) { never() }}}
			runs, err := Train(ctx, base.With(Batch), o)
			return early(runs), err
		},
		"a hook on the host": func(ctx context.Context, never func(), o *Options) (int, error) {
			o.Hooks = []probe.Hook{{Name: "mine", Graph: func(l *probe.Look) {
				l.Reduced("x", l.Loss(), func([]float32) []float64 { never(); return nil })
			}}}
			runs, err := Train(ctx, base.With(Batch), o)
			return early(runs), err
		},
		"a model that is looked into": func(ctx context.Context, never func(), o *Options) (int, error) {
			e := base
			e.Model = func(*model.Scope, *Node) *Node { never(); return nil }
			_, err := InitialSignal(ctx, []Network{{Experiment: e}}, o)
			return 1, err
		},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		left := make(chan struct{})
		var once sync.Once
		o := options(t)
		o.Data = d
		cancelled, err := call(ctx, func() {
			once.Do(cancel)
			<-left
		}, o)
		if cancelled != 1 || !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "bnlib: ") {
			t.Errorf("%s: %d runs are cancelled, %v", name, cancelled, err)
		}
		close(left)
		cancel()
	}
}

// early counts the runs that did not come to their end.
func early(runs []*Run) int { return len(runs) - len(Sample(runs).Done()) }

// TestOthersGoOn trains a grid of which one network's hook fails while it trains: the others come to their end and are stored.
func TestOthersGoOn(t *testing.T) {
	d, base := tiny(t)
	fragile := func(name string, most float64) probe.Hook {
		return probe.Hook{Name: name, Graph: func(l *probe.Look) {
			l.Reduced("largest", l.Value("hidden_1/dense/weights"), func(values []float32) []float64 {
				if largest := float64(slices.Max(values)); largest < most {
					return []float64{largest}
				}
				panic("larger than anything")
			})
		}}
	}
	g := Grid{Base: base, Axes: []Axis{Std(.1, 50, .2)}, Norms: []Norm{Batch}}
	o := &Options{Data: d, Store: &Store{Dir: t.TempDir()}, Hooks: []probe.Hook{fragile("fragile", 10)}}
	results, err := g.Train(context.Background(), o)
	for _, want := range []string{"bnlib: ", `hook "fragile" in network "std 50" (with batch norm) after step 0`, "larger than anything"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for i, run := range results.Runs {
		want := Finished
		if i == 1 {
			want = Cancelled
		}
		_, err := o.Store.Load(run.Key)
		if run.Status != want || (err == nil) != (want == Finished) {
			t.Errorf("network %d is %v, in the store: %v", i, run.Status, err)
		}
	}
	o.Hooks = nil
	total := 0
	o.Recorder = recorderFunc(func(p Progress) { total = p.Total })
	if results, err = g.Train(context.Background(), o); err != nil || total != base.Steps || early(results.Runs) != 0 {
		t.Errorf("without the hook %d steps were trained, want %d: %v", total, base.Steps, err)
	}

	looks := 0
	o.Recorder = nil
	o.Hooks = []probe.Hook{{Name: "growing", Graph: func(l *probe.Look) {
		l.Reduced("x", l.Loss(), func([]float32) []float64 { looks++; return make([]float64, looks) })
	}}}
	if _, err := Train(context.Background(), base.With(Batch), o); err == nil || !strings.Contains(err.Error(), `record "x" has 2 numbers, and 1 after step 0`) {
		t.Errorf("a record that grows: %v", err)
	}
}
