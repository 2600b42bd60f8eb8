package bnlib_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/check"
	"batchnorm/bnlib/claims"
	"batchnorm/bnlib/fit"
	"batchnorm/bnlib/host"
	"batchnorm/bnlib/norms"
	"batchnorm/bnlib/parallel"
	"batchnorm/bnlib/plot"
	"batchnorm/bnlib/probe"
	"batchnorm/bnlib/show"
	"batchnorm/data"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// bad is a call with an argument that cannot be used: what comes of it says so in these words.
type bad struct {
	function string // package, receiver and name
	call     func() error
	want     []string
}

// few is MNIST's beginning, so that an evaluation takes no time.
func few(t testing.TB) *data.Dataset {
	t.Helper()
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	first := func(s data.Set, n int) data.Set {
		return data.Set{Images: s.Images[:n*data.Pixels], Labels: s.Labels[:n]}
	}
	return &data.Dataset{Train: first(d.Train, 200), Validation: first(d.Validation, 50), Test: first(d.Test, 50), Checksum: "few"}
}

func tiny() bnlib.Experiment {
	return bnlib.Experiment{Name: "tiny", InitStd: .1, LearningRate: .1, Activation: activation.TypeRelu, Hidden: []int{4, 3}, Batch: 10, Steps: 4, Every: 2, Seed: 1}
}

// panics returns what a call panics with.
func panics(call func()) func() error {
	return func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err, _ = r.(error)
			}
		}()
		call()
		return nil
	}
}

// says renders what a function draws, both ways, and returns its words: a figure says itself that there is nothing to draw.
func says(figures ...func() *plot.Figure) func() error {
	return func() error {
		var words []string
		for _, figure := range figures {
			f := figure()
			if _, err := f.PNG(); err != nil {
				return err
			}
			if _, err := f.VegaLite(); err != nil {
				return err
			}
			words = append(words, f.Title)
			for _, p := range f.Panels {
				words = append(words, p.Empty)
			}
		}
		return errors.New(strings.Join(words, " | "))
	}
}

// writes does so for tables.
func writes(table func() *plot.Table) func() error {
	return func() error { return errors.New(table().HTML() + table().Markdown() + table().Text()) }
}

func edited(edit func(e *bnlib.Experiment)) bnlib.Experiment {
	e := tiny()
	edit(&e)
	return e
}

func badArguments(t *testing.T) []bad {
	ctx := t.Context()
	o := &bnlib.Options{Data: few(t), Store: &bnlib.Store{Dir: t.TempDir()}}
	with := func(edit func(o *bnlib.Options)) *bnlib.Options {
		changed := *o
		edit(&changed)
		return &changed
	}
	runs, err := bnlib.Train(ctx, tiny().Pair(), with(func(o *bnlib.Options) { o.Hooks = []probe.Hook{probe.Signals, probe.Norms} }))
	if err != nil {
		t.Fatal(err)
	}
	batch := runs[1]
	changed := func(edit func(r *bnlib.Run)) *bnlib.Run {
		r := *batch
		r.Weights = slices.Clone(r.Weights)
		edit(&r)
		return &r
	}
	set := o.Data.Test

	var all []bad
	add := func(function string, call func() error, want ...string) { all = append(all, bad{function, call, want}) }

	// Experiments: each field, by the functions that take one.
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		edit func(e *bnlib.Experiment)
		want []string
	}{
		{func(e *bnlib.Experiment) { e.InitStd = -1 }, []string{"InitStd is -1", "0 or above"}},
		{func(e *bnlib.Experiment) { e.InitStd = inf }, []string{"InitStd is +Inf"}},
		{func(e *bnlib.Experiment) { e.InitStd = nan }, []string{"InitStd is NaN"}},
		{func(e *bnlib.Experiment) { e.LearningRate = nan }, []string{"LearningRate is NaN", "0 or above"}},
		{func(e *bnlib.Experiment) { e.LearningRate = 1e39 }, []string{"LearningRate is 1e+39"}}, // beyond a float32
		{func(e *bnlib.Experiment) { e.Batch = 0 }, []string{"Batch is 0", "1 to 200"}},
		{func(e *bnlib.Experiment) { e.Batch = 201 }, []string{"Batch is 201", "1 to 200", "training images"}},
		{func(e *bnlib.Experiment) { e.Every = 0 }, []string{"Every is 0", "1 to"}},
		{func(e *bnlib.Experiment) { e.Steps, e.Every = math.MaxInt32, math.MaxInt32 }, []string{"Every is 2147483647", "at most 26843545 with minibatches of 10"}},
		{func(e *bnlib.Experiment) { e.Steps = -5 }, []string{"Steps is -5", "1 to"}},
		{func(e *bnlib.Experiment) { e.Steps = 1 << 40 }, []string{"Steps is 1099511627776", "1 to 2147483647"}},
		{func(e *bnlib.Experiment) { e.Hidden = nil }, []string{"Hidden is []", "at least one layer"}},
		{func(e *bnlib.Experiment) { e.Hidden = []int{128, 0} }, []string{"Hidden[1] is 0", "1 to"}},
		{func(e *bnlib.Experiment) { e.Hidden = []int{-1} }, []string{"Hidden[0] is -1"}},
		{func(e *bnlib.Experiment) { e.Hidden = []int{1 << 40} }, []string{"Hidden[0] is 1099511627776", "1 to 32767"}},
		{func(e *bnlib.Experiment) { e.Hidden = []int{32767, 32767} }, []string{"Hidden is [32767 32767]", "268435456 weights"}},
		{func(e *bnlib.Experiment) { e.Activation = 99 }, []string{"Activation is 99", "Sigmoid", "Relu"}},
		{func(e *bnlib.Experiment) { e.Activation = -1 }, []string{"Activation is -1"}},
		{func(e *bnlib.Experiment) { e.Stds = bnlib.ByVariable{"hidden_1": -2} }, []string{`Stds["hidden_1"] is -2`, "0 or above"}},
		{func(e *bnlib.Experiment) { e.Rates = bnlib.ByVariable{"hidden_*": nan} }, []string{`Rates["hidden_*"] is NaN`, "0 or above"}},
		{func(e *bnlib.Experiment) { e.Decay = bnlib.ByVariable{"logits": inf} }, []string{`Decay["logits"] is +Inf`, "0 or above"}},
		{func(e *bnlib.Experiment) { e.Rates = bnlib.Frozen("hidden_[") }, []string{`Rates["hidden_["] is malformed`, "hidden_*"}},
		{func(e *bnlib.Experiment) { e.Rates = bnlib.Frozen("") }, []string{`Rates[""] fits no variable`, "hidden_1/dense/weights"}},
		{func(e *bnlib.Experiment) { e.Rates = bnlib.Frozen("hiden_1") }, []string{`Rates["hiden_1"] fits no variable`, "hidden_1/dense/weights"}},
		{func(e *bnlib.Experiment) { e.Schedule = func(step int) float64 { return math.Sqrt(float64(1 - step)) } }, []string{"Schedule(2) is NaN", "0 or above", "0 to 3"}},
		{func(e *bnlib.Experiment) { e.Schedule = func(step int) float64 { return 1 - float64(step) } }, []string{"Schedule(2) is -1"}},
		{func(e *bnlib.Experiment) { e.Schedule = func(step int) float64 { return []float64{1}[step] } }, []string{"Schedule(1) is a panic", "index out of range"}},
		{func(e *bnlib.Experiment) { e.Batch, e.Every = 0, 0 }, []string{"Batch is 0", "Every is 0"}},
	} {
		add("bnlib.Train", func() error {
			networks := []bnlib.Network{tiny().With(bnlib.None)[0], edited(c.edit).With(bnlib.Batch)[0]}
			networks[1].Name = "bad"
			_, err := bnlib.Train(ctx, networks, o)
			if err != nil && strings.Contains(err.Error(), "fits no variable") {
				return err // which is a matter of all networks of a call
			}
			if err != nil && !strings.Contains(err.Error(), `network 2 of 2, "bad" (with batch norm), seed 1: Experiment.`) {
				return fmt.Errorf("it does not say which network: %w", err)
			}
			return err
		}, c.want...)
	}
	add("bnlib.Experiment.Validate", func() error { return edited(func(e *bnlib.Experiment) { e.Batch = 55001 }).Validate(0) }, "Experiment.Batch is 55001", "1 to 55000")
	add("bnlib.Experiment.Validate", func() error { return tiny().Validate(-1) }, "training images is -1")
	add("bnlib.Experiment.Batches", func() error { _, err := tiny().Batches(9); return err }, "Experiment.Batch is 10", "1 to 9")
	add("bnlib.Experiment.Dataset", func() error { _, err := tiny().Dataset(nil); return err }, "d is nil")
	add("bnlib.Experiment.Dataset", func() error { _, err := tiny().Dataset(&data.Dataset{}); return err }, "d.Train has 0 labels")
	add("bnlib.Network.InitialWeights", func() error {
		_, err := edited(func(e *bnlib.Experiment) { e.InitStd = -1 }).With(bnlib.Batch)[0].InitialWeights()
		return err
	}, `"tiny" (with batch norm): Experiment.InitStd is -1`)
	add("bnlib.Article", panics(func() { bnlib.Article(9) }), "Article(9)", "1 to 8")
	add("bnlib.Seeds", panics(func() { bnlib.Seeds(tiny(), -1) }), "n is -1", "0 or more")

	// Calls of trainings.
	train := func(o *bnlib.Options, networks ...bnlib.Network) error {
		_, err := bnlib.Train(ctx, networks, o)
		return err
	}
	add("bnlib.Train", func() error { return train(o) }, "networks is empty", "one or more")
	own := edited(func(e *bnlib.Experiment) {
		e.Model = func(s *model.Scope, x *Node) *Node { return layers.Dense(s, x, true, data.Classes) }
	})
	add("bnlib.Compare", func() error { _, err := bnlib.Compare(ctx, own, o); return err }, "Experiment.Model is set")
	add("bnlib.Study", func() error { _, err := bnlib.Study(ctx, []bnlib.Experiment{tiny(), own}, 1, o); return err }, "Experiment.Model is set in experiments[1]")
	add("bnlib.Study", func() error { _, err := bnlib.Study(ctx, []bnlib.Experiment{tiny()}, 0, o); return err }, "seeds is 0", "1 or more")
	add("bnlib.Study", func() error { _, err := bnlib.Study(ctx, []bnlib.Experiment{tiny()}, math.MaxInt, o); return err }, "more than 1000000 networks")
	add("bnlib.Study", func() error { _, err := bnlib.Study(ctx, nil, 1, o); return err }, "networks is empty")
	pair := tiny().Pair()
	for _, c := range []struct {
		edit func(o *bnlib.Options)
		want []string
	}{
		{func(o *bnlib.Options) { o.Cores = -1 }, []string{"Options.Cores is -1", "1 or more"}},
		{func(o *bnlib.Options) { o.Cores = 5000 }, []string{"n is 5000", "1 to 1024"}},
		{func(o *bnlib.Options) { o.Store = &bnlib.Store{} }, []string{"Options.Store.Dir is empty", "a folder"}},
		{func(o *bnlib.Options) { o.Data = &data.Dataset{} }, []string{"Options.Data.Train has 0 labels", "one label or more"}},
		{func(o *bnlib.Options) { d := *o.Data; d.Checksum = ""; o.Data = &d }, []string{"Options.Data.Checksum is empty"}},
		{func(o *bnlib.Options) { d := *o.Data; d.Test.Images = d.Test.Images[1:]; o.Data = &d }, []string{"Options.Data.Test has 50 labels and 39199 pixels"}},
		{func(o *bnlib.Options) {
			d := *o.Data
			d.Validation.Labels = slices.Repeat([]uint8{10}, 50)
			o.Data = &d
		}, []string{"Options.Data.Validation has label 10", "0 to 9"}},
		{func(o *bnlib.Options) { o.Hooks = []probe.Hook{{Name: "mine"}} }, []string{"Options.Hooks[0]", `Hook.Graph of "mine" is nil`}},
		{func(o *bnlib.Options) { o.Hooks = []probe.Hook{probe.Norms, {Graph: probe.Norms.Graph}} }, []string{"Options.Hooks[1]", "Hook.Name is empty"}},
		{func(o *bnlib.Options) { o.Hooks = []probe.Hook{probe.Norms, probe.Norms.At(1)} }, []string{"Options.Hooks[1]", `"norms", as is Options.Hooks[0]`}},
		{func(o *bnlib.Options) { o.Hooks = []probe.Hook{probe.Norms.At(0, 5)} }, []string{`Hook.Steps[1] of "norms" is 5`, "0 to 4"}},
		{func(o *bnlib.Options) {
			o.Hooks = []probe.Hook{{Name: "n", Graph: probe.Norms.Graph, Steps: []int{}}}
		},
			[]string{`Hook.Steps of "n" is empty`, "nil for every evaluation"}},
	} {
		add("bnlib.Train", func() error { return train(with(c.edit), pair...) }, c.want...)
	}

	// Grids.
	grid := func(g bnlib.Grid) func() error {
		return func() error { _, err := g.Train(ctx, o); return err }
	}
	std := func(e *bnlib.Experiment, v float64) { e.InitStd = v }
	for want, g := range map[string]bnlib.Grid{
		"Grid.Seeds is -1; allowed: 1 or more":                                   {Base: tiny(), Seeds: -1},
		`Grid.Axes[0].Values ("std") is empty; allowed`:                          {Base: tiny(), Axes: []bnlib.Axis{bnlib.Std()}},
		`Grid.Axes[0].Values ("experiment") is empty; allowed`:                   {Base: tiny(), Axes: []bnlib.Axis{bnlib.Choice()}},
		`Grid.Axes[1].Set ("mine") is nil; allowed`:                              {Base: tiny(), Axes: []bnlib.Axis{bnlib.Rate(1), {Name: "mine", Values: []float64{1}}}},
		`Grid.Axes[0].Labels ("mine") are 1; allowed: as many`:                   {Base: tiny(), Axes: []bnlib.Axis{{Name: "mine", Values: []float64{1, 2}, Labels: []string{"a"}, Set: std}}},
		`Grid.Axes[0].Values[2] ("rate") is 0.1, as is Values[0]`:                {Base: tiny(), Axes: []bnlib.Axis{bnlib.Rate(.1, .2, .1)}},
		`Grid.Axes[0].Values[1] ("std") is NaN; allowed: finite`:                 {Base: tiny(), Axes: []bnlib.Axis{bnlib.Std(1, nan)}},
		`more than 1000000 networks, up to Grid.Axes[1] ("rate")`:                {Base: tiny(), Axes: []bnlib.Axis{bnlib.Std(many(2000)...), bnlib.Rate(many(2000)...)}},
		`Grid.Norms is empty; allowed: one or more`:                              {Base: tiny(), Norms: []bnlib.Norm{}},
		`network 3 of 4, "std -1" (without batch norm), seed 1: Experiment.Init`: {Base: tiny(), Axes: []bnlib.Axis{bnlib.Std(1, -1)}},
		`Set at point 1 of 2, [1] on the axes: no such value`: {Base: tiny(), Axes: []bnlib.Axis{{Name: "mine", Values: []float64{1, 2}, Set: func(_ *bnlib.Experiment, v float64) {
			if v == 2 {
				panic("no such value")
			}
		}}}},
		`Experiment.Rates["hidden_7"] fits no variable; allowed`: {Base: tiny(), Axes: []bnlib.Axis{{Name: "frozen", Values: []float64{7}, Set: func(e *bnlib.Experiment, v float64) {
			e.Rates = bnlib.Frozen(fmt.Sprintf("hidden_%g", v))
		}}}},
	} {
		add("bnlib.Grid.Train", grid(g), want)
	}
	g := bnlib.Grid{Base: tiny(), Axes: []bnlib.Axis{bnlib.Std(.1, .2), bnlib.Rate(.1, .2)}}
	results := &bnlib.Results{Grid: g, Runs: make([]*bnlib.Run, 8)}
	add("bnlib.Grid.Stored", func() error { _, _, err := bnlib.Grid{Seeds: -1}.Stored(o); return err }, "Grid.Seeds is -1")
	add("bnlib.Grid.TrainShard", func() error {
		_, err := bnlib.Grid{Base: tiny(), Axes: []bnlib.Axis{bnlib.Std(1, -1)}}.TrainShard(ctx, 1, 2, o)
		return err
	},
		`network 1 of 2, "std -1" (without batch norm), seed 1: Experiment.InitStd is -1`)
	add("bnlib.Grid.TrainShard", panics(func() { g.TrainShard(ctx, -1, 2, o) }), "Grid.Shard(-1, 2)", "0 to n-1")
	add("bnlib.Grid.Shard", panics(func() { g.Shard(2, 2) }), "Grid.Shard(2, 2)", "0 to n-1")
	add("bnlib.Grid.Experiment", panics(func() { g.Experiment(4) }), "Grid.Experiment(4)", "0 to 3")
	add("bnlib.Grid.Networks", panics(func() { g.Networks(0, -1) }), "Grid.Experiment(-1)", "0 to 3")
	add("bnlib.Results.Sample", panics(func() { results.Sample(2, 0, 0) }), "norm is 2", "0 to 1")
	add("bnlib.Results.Sample", panics(func() { results.Sample(0, 0, 2) }), `the index on axis 1 ("rate") is 2`, "0 to 1")
	add("bnlib.Results.Sample", panics(func() { results.Sample(0, 0) }), "2 axes has 1 indices")
	add("bnlib.Results.Edges", panics(func() { (&bnlib.Results{Grid: bnlib.Grid{Axes: g.Axes[:1]}}).Edges(.5, 0) }), "the grid has 1 axes", "two or more")
	add("bnlib.LogSpaced", panics(func() { bnlib.LogSpaced(0, 1, 3) }), "LogSpaced(0, 1, 3)", "above 0")
	add("bnlib.LogSpaced", panics(func() { bnlib.LogSpaced(1, 2, 1) }), "LogSpaced(1, 2, 1)", "2 values")
	add("bnlib.Results.Sample", panics(func() { (&bnlib.Results{Grid: g}).Sample(0, 0, 0) }), "Results.Runs are 0", "the 8 of")
	add("bnlib.Results.Replicates", panics(func() {
		(&bnlib.Results{Grid: bnlib.Grid{Norms: []bnlib.Norm{bnlib.Batch}}, Runs: make([]*bnlib.Run, 1)}).Replicates()
	}), "Grid.Norms are 1", "None and Batch")
	add("bnlib.Sample.Each", func() error {
		return fmt.Errorf("bnlib: %v", bnlib.Sample{nil, runs[0]}.Each(func(r *bnlib.Run) float64 { return float64(r.Network.Steps) }).Median)
	}, "4") // what is nil does not count
	add("bnlib.NewSpread", func() error { return fmt.Errorf("bnlib: %v", bnlib.NewSpread()) }, "–")

	// What runs are given to.
	add("bnlib.Logits", func() error { _, err := bnlib.Logits(nil, set); return err }, "run is nil")
	add("bnlib.Logits", func() error { _, err := bnlib.Logits(&bnlib.Run{}, set); return err }, "Experiment.Hidden is []", "Experiment.Batch is 0")
	add("bnlib.Logits", func() error {
		_, err := bnlib.Logits(batch, data.Set{Images: set.Images[:10], Labels: set.Labels})
		return err
	}, "set has 10 pixels and 50 labels", "784 pixels for each")
	add("bnlib.Logits", func() error { _, err := bnlib.Logits(changed(func(r *bnlib.Run) { r.Weights = nil }), set); return err }, "no weights", `"tiny" (with batch norm)`)
	add("bnlib.Logits", func() error {
		_, err := bnlib.Logits(changed(func(r *bnlib.Run) { r.Network.Norm.Apply = nil }), set) // as a store leaves it
		return err
	}, "no weights hidden_1/dense/biases", "a store keeps no functions")
	add("bnlib.BatchLogits", func() error { _, err := bnlib.BatchLogits(batch, set, 0); return err }, "batch is 0", "1 or more")
	add("bnlib.CrossEntropy", panics(func() { bnlib.CrossEntropy(make([]float32, 12), []uint8{1}) }), "logits are 12 and labels 1", "10 logits for each")
	add("bnlib.Right", panics(func() { bnlib.Right(make([]float32, 12), []uint8{1}) }), "logits are 12 and labels 1", "10 logits for each")
	add("bnlib.Fold", func() error { _, err := bnlib.Fold(nil); return err }, "run is nil")
	add("bnlib.Fold", func() error { _, err := bnlib.Fold(runs[0]); return err }, "Network.Norm is none", "Batch")
	add("bnlib.Fold", func() error {
		_, err := bnlib.Fold(changed(func(r *bnlib.Run) { r.Network.Model = own.Model }))
		return err
	}, "Experiment.Model is set")
	add("bnlib.Fold", func() error { _, err := bnlib.Fold(changed(func(r *bnlib.Run) { r.Weights = nil })); return err }, "no weights hidden_1/dense/weights")
	add("bnlib.Fold", func() error {
		_, err := bnlib.Fold(changed(func(r *bnlib.Run) {
			for i, w := range r.Weights {
				if w.Name == "hidden_2/batch_norm/beta" {
					r.Weights[i].Values = nil
				}
			}
		}))
		return err
	}, "hidden_2/batch_norm/beta", "3 units")
	add("bnlib.Look", func() error { _, err := bnlib.Look(nil, probe.Norms, o); return err }, "run is nil")
	add("bnlib.Look", func() error { _, err := bnlib.Look(batch, probe.Hook{Name: "mine"}, o); return err }, `Hook.Graph of "mine" is nil`)
	add("bnlib.Look", func() error {
		_, err := bnlib.Look(batch, probe.Norms, with(func(o *bnlib.Options) { o.Data = &data.Dataset{} }))
		return err
	}, "Options.Data.Train has 0")
	add("bnlib.InitialSignal", func() error { _, err := bnlib.InitialSignal(ctx, nil, o); return err }, "networks is empty")
	add("bnlib.InitialSignal", func() error {
		_, err := bnlib.InitialSignal(ctx, append(tiny().Pair(), edited(func(e *bnlib.Experiment) { e.Batch = 0 }).Pair()...), o)
		return err
	}, `network 3 of 4, "tiny"`, "Experiment.Batch is 0")
	add("bnlib.Store.Save", func() error { return o.Store.Save(nil) }, "run is nil")
	add("bnlib.Store.Save", func() error { return (&bnlib.Store{}).Save(batch) }, "Store.Dir is empty")
	add("bnlib.Store.Save", func() error { return o.Store.Save(&bnlib.Run{Key: "ab", Status: bnlib.Cancelled}) }, "run ab is cancelled", "a run that is done")
	add("bnlib.Store.Save", func() error { return o.Store.Save(&bnlib.Run{Key: "../ab"}) }, `"../ab"`, "allowed")
	add("bnlib.Store.Load", func() error { _, err := o.Store.Load("A B"); return err }, `"A B"`, "allowed")
	add("bnlib.Store.Load", func() error { _, err := o.Store.Load("ab"); return err }, "run ab", "no such run")
	var none *bnlib.Run
	for name, of := range map[string]func() any{
		"Last": func() any { return none.Last() }, "Snapshots": func() any { return len(none.Snapshots()) },
		"Reached": func() any { _, ok := none.Reached(.9); return ok }, "Weight": func() any { _, ok := none.Weight("w"); return ok },
		"Collapse": func() any { _, ok := none.Collapse(); return ok },
	} {
		add("bnlib.Run."+name, func() error { return fmt.Errorf("bnlib: %v", of()) }) // no run has nothing
	}

	// Hooks, and the graphs that they and readers build.
	look := func(graph func(l *probe.Look)) func() error {
		return func() error { _, err := bnlib.Look(batch, probe.Hook{Name: "mine", Graph: graph}, o); return err }
	}
	images := func(l *probe.Look) *Node { x, _ := l.Minibatch(); return x }
	for function, c := range map[string]struct {
		graph func(l *probe.Look)
		want  []string
	}{
		"Value":        {func(l *probe.Look) { l.Record("x", l.Value("hidden_9/dense/weights")) }, []string{`no variable "hidden_9/dense/weights"`, "hidden_1/dense/weights"}},
		"Initial":      {func(l *probe.Look) { l.Record("x", l.Initial("")) }, []string{`no variable ""`}},
		"Gradient":     {func(l *probe.Look) { l.Record("x", l.Gradient("hidden_1/batch_norm/moving_mean")) }, []string{`"hidden_1/batch_norm/moving_mean" is not trained`}},
		"Record":       {func(l *probe.Look) { l.Record("x", nil) }, []string{`record "x" has no node`}},
		"Reduced":      {func(l *probe.Look) { l.Reduced("x", l.Loss(), nil) }, []string{`record "x" has no node, or nothing that reduces it`}},
		"Training":     {func(l *probe.Look) { l.Training(0) }, []string{"most is 0", "1 image or more"}},
		"Validation":   {func(l *probe.Look) { l.Validation(-1) }, []string{"most is -1"}},
		"Logits":       {func(l *probe.Look) { l.Record("x", l.Logits(l.Loss())) }, []string{"images are (Float32)", "[n, 784]"}},
		"Inference":    {func(l *probe.Look) { l.Record("x", l.Inference(nil)) }, []string{"images are nil", "[n, 784]"}},
		"InferenceAt":  {func(l *probe.Look) { l.Record("x", l.InferenceAt(nil, images(l))) }, []string{"values are", "one for each"}},
		"Exact":        {func(l *probe.Look) { l.Exact(Slice(images(l), AxisRange(), AxisRange(0, 9))) }, []string{"images are (Float32)[10, 9]"}},
		"Layers":       {func(l *probe.Look) { l.Layers(Slice(images(l), AxisRange(), AxisRange(0, 9))) }, []string{"images are (Float32)[10, 9]"}},
		"At":           {func(l *probe.Look) { l.Record("x", l.At(l.Values()[1:], images(l))) }, []string{"values are", "one for each"}},
		"At values":    {func(l *probe.Look) { v := l.Values(); v[0] = nil; l.Record("x", l.At(v, images(l))) }, []string{"the value of", "is nil"}},
		"CrossEntropy": {func(l *probe.Look) { l.Record("x", l.CrossEntropy(l.Loss(), l.Loss())) }, nil},
	} {
		name, _, _ := strings.Cut(function, " ")
		add("probe.Look."+name, look(c.graph), append(c.want, `hook "mine" in network "tiny" (with batch norm)`)...)
	}
	add("probe.Look.Record", look(func(l *probe.Look) { l.Record("", l.Loss()) }), `a record is called ""`)
	add("probe.Look.Record", look(func(l *probe.Look) { l.Record("x", l.Loss()); l.Record("x", l.Loss()) }), `two records are called "x"`)
	add("probe.Look.Reduced", look(func(l *probe.Look) { l.Reduced("x", l.Loss(), func([]float32) []float64 { return nil }) }), `record "x" has no numbers`)
	for function, c := range map[string]struct {
		hook probe.Hook
		want []string
	}{
		"Along":             {probe.Along(nil, 1), []string{"rate is nil"}},
		"Along multiples":   {probe.Along(batch.Network.Rate), []string{"multiples are none", "one or more"}},
		"Along zero":        {probe.Along(batch.Network.Rate, 0), []string{"a multiple is 0", "other than 0"}},
		"Along negative":    {probe.Along(func(string) float64 { return -1 }, 1), []string{`the rate of "hidden_1/`, "is -1", "0 or above"}},
		"Along nothing":     {probe.Along(func(string) float64 { return 0 }, 1), []string{"no variable moves or counts"}},
		"CovariateShift":    {probe.CovariateShift(nil), []string{"rate is nil"}},
		"Curvature":         {probe.Curvature(nil, 0), []string{"most is 0", "1 image or more"}},
		"Curvature nothing": {probe.Curvature(func(string) bool { return false }, 5), []string{"no variable moves or counts"}},
		"Moments":           {probe.Moments(0), []string{"most is 0"}},
		"Similarity":        {probe.Similarity(-1), []string{"most is -1"}},
	} {
		name, _, _ := strings.Cut(function, " ")
		add("probe."+name, func() error { _, err := bnlib.Look(batch, c.hook, o); return err }, append(c.want, `network "tiny" (with batch norm)`)...)
	}
	another := &probe.History{Steps: []int{0}, Names: []string{"a"}, Values: [][][]float64{{{1}}}}
	add("probe.LandscapeOf", func() error { return fmt.Errorf("probe: %d", len(probe.LandscapeOf(another))) }, "0")
	add("probe.SharpnessOf", func() error { return fmt.Errorf("probe: %d", len(probe.SharpnessOf(another))) }, "0")
	add("probe.ShiftsOf", func() error { return fmt.Errorf("probe: %d", len(probe.ShiftsOf(another))) }, "0")
	add("probe.AlikenessOf", func() error { return fmt.Errorf("probe: %d", len(probe.AlikenessOf(another))) }, "0")
	add("probe.Moved", func() error { return fmt.Errorf("probe: %v", probe.Moved(another, "a", probe.PreActivation, 0, 0)) }, "NaN")
	add("probe.Noise", func() error { _, err := bnlib.Look(batch, probe.Noise(2, 0), o); return err }, "Noise: sizes[1] is 0", "two minibatches or more")
	add("probe.SignalsOn", func() error { _, err := bnlib.Look(batch, probe.SignalsOn(0), o); return err }, "SignalsOn: images is 0", "1 or more")
	add("probe.Hook.Validate", func() error { return probe.Norms.At(-1).Validate(3) }, `Hook.Steps[0] of "norms" is -1`, "0 to 3")
	add("probe.SignalsOf", func() error {
		return fmt.Errorf("probe: %d %d", len(probe.SignalsOf(nil)), len(probe.SignalsOf(&probe.History{Steps: []int{0}, Values: [][][]float64{{{1}, {2}}}})[0]))
	}, "0 0")
	add("probe.NormsOf", func() error {
		h := &probe.History{Steps: []int{0}, Names: []string{"loss", "a", "b", "c", "d"}, Values: [][][]float64{{{1}, {2}, {3}, {4}, {5}}}}
		return fmt.Errorf("probe: %d %d %v", len(probe.NormsOf(nil, nil)), len(probe.NormsOf(&probe.History{Steps: []int{0}}, nil)[0]), probe.NormsOf(h, nil)[0][0].Update)
	}, "0 0 NaN")
	add("data.Dataset.Relabelled", panics(func() { (&data.Dataset{}).Relabelled(2, 1) }), "Relabelled: share is 2", "0 to 1")
	add("probe.AngleOf", func() error { return fmt.Errorf("probe: %v", probe.AngleOf([]float64{1}).Squared) }, "NaN")
	add("probe.AnglesOf", func() error { return fmt.Errorf("probe: %v", probe.AnglesOf(nil, "a")) }, "[]")
	add("probe.Angle.Growth", func() error { return fmt.Errorf("probe: %v", probe.Angle{}.Growth(math.NaN(), 0)) }, "NaN")
	add("probe.Angle.Turn", func() error { return fmt.Errorf("probe: %v", probe.Angle{}.Turn(math.NaN(), 0)) }, "NaN")
	add("probe.Spaced", panics(func() { probe.Spaced(0) }), "Spaced: last is 0", "1 or more")
	add("probe.Snapshots", func() error { return fmt.Errorf("probe: %d", len(probe.Snapshots(nil, nil, nil))) }, "0")
	add("probe.History.At", func() error {
		return fmt.Errorf("probe: %v", (&probe.History{Steps: []int{0}, Names: []string{"a"}}).At(0, "a"))
	}, "[]")
	add("probe.History.Of", func() error { var h *probe.History; return fmt.Errorf("probe: %v", h.Of("a")) }, "[]")
	build := func(build func(x *Node)) func() error {
		return func() error {
			b, err := backend.Open()
			if err != nil {
				return err
			}
			_, err = CallOnce(b, func(x *Node) *Node { build(x); return x }, []float32{1, 2})
			return err
		}
	}
	add("bnlib.BatchStatistics", build(func(x *Node) { bnlib.BatchStatistics(x) }), "batch normalization of (Float32)[2]", "two axes or more")
	add("bnlib.Normalize", build(func(x *Node) { bnlib.Normalize(ExpandAxes(x, 0), x, x, Concatenate([]*Node{x, x}, 0), x, 1) }), "")
	add("bnlib.NormalizeBackward", build(func(x *Node) { bnlib.NormalizeBackward(x, x, x, x, x, 1) }), "batch normalization of (Float32)[2]")
	add("bnlib.BatchNorm", func() error {
		e := own
		e.Model = func(s *model.Scope, x *Node) *Node { return bnlib.BatchNorm(s, Reshape(x, -1)) }
		return train(o, bnlib.Network{Experiment: e})
	}, `network "tiny" (model function of your own)`, "two axes or more")

	// Norms.
	add("norms.Group", panics(func() { norms.Group(0) }), "norms: Group(0)", "1 group or more")
	add("norms.Group", func() error { return train(o, tiny().With(norms.Group(3))[0]) }, "hidden_1", "norms: Group(3) of 4 units", "a number that divides them")
	add("norms.Ghost", panics(func() { norms.Ghost(0) }), "norms: Ghost(0)", "1 image or more")
	add("norms.Momentum", panics(func() { norms.Momentum(1, false) }), "norms: Momentum(1)", "0 or above, below 1")
	add("norms.Renorm", panics(func() { norms.Renorm(0.5, 5, 0) }), "norms: Renorm(0.5, 5, 0)", "rMax 1 or above")
	add("norms.Renorm", panics(func() { norms.Renorm(3, inf, 0) }), "norms: Renorm(3, +Inf, 0)", "finite numbers")
	add("norms.NewAlone", panics(func() { norms.NewAlone(nil, bnlib.None) }), `norms: NewAlone("without batch norm")`, "Norm.Apply is nil")
	on, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	alone := func() *norms.Alone {
		return norms.NewAlone(on, bnlib.Norm{Name: "mine", Apply: func(*model.Scope, *Node) *Node { panic("no idea") }})
	}
	add("norms.Alone.Run", func() error { _, err := alone().Run(true, [][]float32{{1}}); return err }, "mine alone", "no idea")
	add("norms.Alone.Value", func() error { _, err := alone().Value("gamma"); return err }, `no variable "gamma"`, "one of")
	add("norms.Alone.Set", func() error { return alone().Set("gamma", 1) }, `no variable "gamma"`, "one of")
	add("norms.Only", panics(func() { norms.Only(bnlib.None, 1) }), `norms: Only("without batch norm")`, "Norm.Apply is nil")
	add("norms.Only", panics(func() { norms.Only(bnlib.Batch) }), "hidden is []", "1 and above")
	add("norms.Only", panics(func() { norms.Only(bnlib.Batch, 2, 0) }), "hidden is [2 0]", "1 and above")
	add("parallel.Statistics", build(func(x *Node) { parallel.Statistics(x) }), "batch normalization of (Float32)[2]", "two axes or more")
	add("parallel.Train", func() error { _, err := parallel.Train(t.Context(), tiny().Pair()[1], 0, nil); return err }, "n is 0", "1 to 128")
	add("parallel.Train", func() error { _, err := parallel.Train(t.Context(), bnlib.Network{}, 1, nil); return err }, "Experiment.Hidden is []", "at least one layer")

	// Figures and tables say themselves that there is nothing to draw.
	noRuns := []func(...*bnlib.Run) *plot.Figure{chart.Accuracy, chart.Bands, chart.Error, chart.FirstLayer, chart.FirstSteps, chart.HistogramHeat,
		chart.Loss, chart.Sizes, chart.Training, chart.Units, func(runs ...*bnlib.Run) *plot.Figure { return chart.CloseUp(-5, runs...) }}
	bare := &bnlib.Run{}
	strange := changed(func(r *bnlib.Run) {
		r.Points, r.Losses = []bnlib.Point{{Step: 9, Loss: nan}, {Step: 3, Loss: inf, Accuracy: nan}}, nil
		r.DivergedAt = 77
	})
	for i, name := range []string{"Accuracy", "Bands", "Error", "FirstLayer", "FirstSteps", "HistogramHeat", "Loss", "Sizes", "Training", "Units", "CloseUp"} {
		f := noRuns[i]
		add("chart."+name, says(
			func() *plot.Figure { return f() }, func() *plot.Figure { return f(nil, nil) }, func() *plot.Figure { return f(bare) },
			func() *plot.Figure { return f(nil, bare, strange, runs[0]) }, func() *plot.Figure { return f(strange) },
		), "")
	}
	for name, f := range map[string]func(...*bnlib.Run) *plot.Table{
		"Course": func(runs ...*bnlib.Run) *plot.Table { return chart.Course([]int{-1, 3, 2, 3, 1e9}, runs...) }, "Failures": chart.Failures,
		"Inside":  func(runs ...*bnlib.Run) *plot.Table { return chart.Inside([]int{-1, 3, 2, 1e9}, runs...) },
		"Results": chart.Results, "Variables": func(runs ...*bnlib.Run) *plot.Table { return chart.Variables([]int{-1, 3, 2, 1e9}, runs...) },
	} {
		for _, given := range [][]*bnlib.Run{nil, {nil}, {bare, nil}, {strange, bare, runs[1]}} {
			add("chart."+name, writes(func() *plot.Table { return f(given...) }), "<table>")
		}
	}
	replicates := bnlib.Replicates{Plain: bnlib.Sample{nil, bare}, BatchNorm: bnlib.Sample{strange, nil, nil}}
	study := map[int]bnlib.Replicates{0: {}, 99: replicates, -1: {Plain: bnlib.Sample{nil}}}
	add("fit.Straight", func() error { _, err := fit.Straight([]float64{1}, nil); return err }, "x has 1 values and y 0")
	add("fit.Power", func() error { _, err := fit.Power([]float64{1, 2}, []float64{3, -4}); return err }, "y[1] -4", "above 0")
	add("chart.Dots", says(func() *plot.Figure { return chart.Dots(nil) }, func() *plot.Figure { return chart.Dots(study) }), "no runs")
	add("chart.SeedBands", says(func() *plot.Figure { return chart.SeedBands() }, func() *plot.Figure { return chart.SeedBands(replicates, bnlib.Replicates{}) }), "not evaluated yet")
	add("chart.SeedErrors", says(func() *plot.Figure { return chart.SeedErrors() }, func() *plot.Figure { return chart.SeedErrors(replicates) }), "not evaluated yet")
	add("chart.Multiples", says(func() *plot.Figure { return chart.Multiples(nil) }, func() *plot.Figure {
		return chart.Multiples([][]*bnlib.Run{nil, {nil}, {bare, strange}})
	}), "not evaluated yet")
	add("chart.GridMap", says(func() *plot.Figure { return chart.GridMap(nil) }, func() *plot.Figure { return chart.GridMap(&bnlib.Results{Grid: g}) },
		func() *plot.Figure { return chart.GridMap(results) }), "without axes", "8; there are 0", "in 0 of 0 cells")
	add("chart.NormMap", says(func() *plot.Figure { return chart.NormMap(nil) }, func() *plot.Figure { return chart.NormMap(results) },
		func() *plot.Figure { return chart.NormMap(&bnlib.Results{Grid: bnlib.Grid{Axes: g.Axes[:1]}}) }), "this one has 0", "there are 0")
	add("chart.GridEdges", says(func() *plot.Figure { return chart.GridEdges(nil, .5) }, func() *plot.Figure { return chart.GridEdges(&bnlib.Results{Grid: g}, .5) },
		func() *plot.Figure { return chart.GridEdges(results, nan) }), "fewer than two axes", "8; there are 0", "0 edges")
	nothing := func(bnlib.Experiment) float64 { return nan }
	add("chart.Collapse", says(func() *plot.Figure { return chart.Collapse("", nothing) }, func() *plot.Figure { return chart.Collapse("", nothing, nil, results) }), "Nothing is trained")
	add("chart.Study", writes(func() *plot.Table { return chart.Study(study) }), "99", "–")
	add("chart.Verdicts", writes(func() *plot.Table { return chart.Verdicts(study, bnlib.Replicates{}, replicates) }), "0 claims")
	add("chart.Initial", writes(func() *plot.Table { return chart.Initial(pair, make([]probe.Snapshot, 1)) }), "std 0.1, ReLU", "–")
	add("chart.SignalProfile", says(func() *plot.Figure { return chart.SignalProfile(nil, nil) }, func() *plot.Figure {
		return chart.SignalProfile(pair, make([]probe.Snapshot, 3))
	}), "nothing to draw yet")
	add("chart.SignalExplorer", func() error { _, err := chart.SignalExplorer(nil, nil, tiny()).PNG(); return err }, "Explorer.States is empty")
	add("chart.SignalExplorer", func() error {
		zero := edited(func(e *bnlib.Experiment) { e.InitStd = 0 })
		_, err := chart.SignalExplorer(zero.Pair(), make([]probe.Snapshot, 2), zero).VegaLite()
		return err
	}, "Explorer.States[0] is at -Inf")
	add("chart.Distributions", func() error {
		for _, given := range [][]*bnlib.Run{nil, {nil}, {bare}, {strange, nil, bare}} {
			if _, err := chart.Distributions(given...).PNG(); err != nil {
				return err
			}
		}
		return errors.New(chart.Distributions().Title())
	}, "no snapshots")
	add("chart.Growth", func() error {
		for _, given := range [][]*bnlib.Run{nil, {nil}, {bare}, {strange, nil, bare}} {
			if _, err := chart.Growth(given...).PNG(); err != nil {
				return err
			}
		}
		return errors.New(chart.Growth(bare).States[0].Figure.Panels[0].Empty)
	}, "no snapshots")
	add("chart.GrowthNow", says(func() *plot.Figure { return chart.GrowthNow() }, func() *plot.Figure {
		return chart.GrowthNow(strange, nil, bare)
	}), "etworks as they grow")
	add("chart.Gradients", writes(func() *plot.Table { return chart.Gradients(check.Difference{Largest: nan}) }), "NaN")
	add("chart.Accuracies", func() error { return fmt.Errorf("chart: %q", chart.Accuracies(nan, inf)) }, "–")
	var noFigure *plot.Figure
	var noExplorer *plot.Explorer
	add("plot.Figure.PNG", func() error { _, err := noFigure.PNG(); return err }, "the figure is nil")
	add("plot.Figure.VegaLite", func() error { _, err := noFigure.VegaLite(); return err }, "the figure is nil")
	add("plot.Figure.PNG", func() error {
		_, err := (&plot.Figure{Width: 1 << 40, Panels: make([]plot.Panel, 1)}).PNG()
		return err
	}, "Figure.Width is 1099511627776", "at most")
	add("plot.Figure.Reference", says(func() *plot.Figure { return new(plot.Figure).Reference(nan, "x", plot.Style{}) }), "")
	add("plot.Row", says(func() *plot.Figure { return plot.Row() }, func() *plot.Figure { return plot.Row(nil, &plot.Figure{Title: "here"}) }), "here")
	add("plot.Column", says(func() *plot.Figure { return plot.Column(nil) }), "")
	add("plot.Explorer.PNG", func() error { _, err := noExplorer.PNG(); return err }, "the explorer is nil")
	add("plot.Explorer.PNG", func() error { _, err := (&plot.Explorer{States: make([]plot.State, 1)}).PNG(); return err }, "Explorer.States[0]", "its figure nil: true")
	add("plot.Explorer.PNG", func() error {
		_, err := (&plot.Explorer{Start: 2, States: []plot.State{{Figure: &plot.Figure{}}}}).PNG()
		return err
	}, "Explorer.Start is 2", "0 to 0")
	add("plot.Explorer.VegaLite", func() error {
		_, err := (&plot.Explorer{Slider: plot.Slider{Max: inf, Step: 1}, States: []plot.State{{Figure: &plot.Figure{}}, {Figure: &plot.Figure{}}}}).VegaLite()
		return err
	}, "Explorer.Slider is from 0 to +Inf")
	add("plot.Table.AddColumn", writes(func() *plot.Table {
		return (&plot.Table{Header: []string{"a"}, Rows: [][]string{{}, {"1", "2", "3"}}}).AddColumn("b", "x", "y", "z")
	}), "x")
	add("plot.Short", func() error { return fmt.Errorf("plot: %s %s", plot.Short(nan), plot.Short(-inf)) }, "")
	add("plot.Variant", func() error { return fmt.Errorf("plot: %v %v", plot.Variant(-1), plot.Variant(1e6)) }, "#")
	add("plot.Style.Shade", func() error {
		return fmt.Errorf("plot: %v %v", plot.Style{Color: "red"}.Shade(3, 0), plot.Blue.Shade(-1, 1))
	}, "#")
	add("plot.Sequential", func() error { return fmt.Errorf("plot: %v", plot.Sequential("no colour")) }, "#")
	add("plot.ShareAxis", says(func() *plot.Figure {
		row := []plot.Panel{{}, {Y: plot.Axis{Log: true}, Series: []plot.Series{{X: []float64{1}, Y: []float64{-1}}}}}
		plot.ShareAxis(nil)
		plot.ShareAxis(row)
		return &plot.Figure{Panels: row}
	}), "")
	add("show.Figure", func() error { return show.Figure(nil) }, "figures[0] is nil")
	add("show.Table", func() error { return show.Table(nil) }, "t is nil")
	add("show.Moving", func() error { return show.Moving(nil) }, "the explorer is nil")
	add("show.Compare", func() error { _, err := show.Compare(own); return err }, "Experiment.Model is set")
	add("show.Train", func() error { _, err := show.Train(); return err }, "networks is empty")
	add("show.Study", func() error { _, err := show.Study([]bnlib.Experiment{tiny()}, -1); return err }, "seeds is -1")
	add("show.Grid", func() error {
		_, err := show.Grid(bnlib.Grid{Base: tiny(), Axes: []bnlib.Axis{bnlib.Std()}})
		return err
	}, "is empty")
	add("show.Playground", func() error {
		_, err := show.Playground(bnlib.Batch, bnlib.Norm{})
		return err
	}, "norms[1] has no name")
	add("show.Explore", func() error { return show.Explore(edited(func(e *bnlib.Experiment) { e.Batch = 0 })) }, "network 1 of", "Experiment.Batch is 0")
	add("show.Live.Finish", func() error {
		return errors.Join(fmt.Errorf("show: as it was"), show.NewLive().Finish([]*bnlib.Run{nil}, errors.New("x")))
	}, "as it was")

	// Claims, gradients, data, the machine.
	article := map[int]bnlib.Replicates{1: {Plain: bnlib.Sample{nil}, BatchNorm: bnlib.Sample{nil}}}
	claim := claims.ClaimsOf(1)[0]
	add("claims.Claim.Judge", func() error { _, err := claim.Judge(claims.Study{}); return err }, "no experiment 1")
	add("claims.Claim.Judge", func() error { _, err := claim.Judge(claims.Study{Article: article}); return err }, "a run of experiment 1 is nil")
	add("claims.ClaimsOf", func() error { return fmt.Errorf("claims: %d", len(claims.ClaimsOf(9))) }, "0")
	add("claims.Study.Covers", func() error { return fmt.Errorf("claims: %v", claims.Study{}.Covers(claim)) }, "false")
	two := tensors.FromValue([]float32{1, 2})
	derive := func(loss func(x *Node) *Node, derived ...func(x *Node) check.Derived) func() error {
		return func() error {
			_, err := check.Gradients(func(_ *model.Scope, in []*Node) (*Node, []check.Derived) {
				var all []check.Derived
				for _, d := range derived {
					all = append(all, d(in[0]))
				}
				return loss(in[0]), all
			}, two)
			return err
		}
	}
	itself := func(x *Node) check.Derived { return check.Derived{Name: "dx", Of: x, ByHand: x} }
	add("check.Gradients", func() error { _, err := check.Gradients(nil, two); return err }, "derive is nil")
	add("check.Gradients", func() error {
		_, err := check.Gradients(func(*model.Scope, []*Node) (*Node, []check.Derived) { return nil, nil })
		return err
	}, "of 0 inputs none")
	add("check.Gradients", derive(func(x *Node) *Node { return nil }, itself), "no scalar for the loss")
	add("check.Gradients", derive(func(x *Node) *Node { return x }, itself), "no scalar for the loss")
	add("check.Gradients", derive(ReduceAllSum), "no gradients")
	add("check.Gradients", derive(ReduceAllSum, func(x *Node) check.Derived { return check.Derived{Name: "dx", Of: x} }), `"dx" has Of or ByHand nil`)
	add("check.Gradients", derive(ReduceAllSum, func(x *Node) check.Derived { return check.Derived{Name: "dx", Of: x, ByHand: ReduceAllSum(x)} }), "the gradient of dx by hand is")
	add("data.Read", func() error { _, err := data.Read(nil); return err }, "fsys is nil")
	add("data.Read", func() error { _, err := data.Read(fstest.MapFS{}); return err }, "train-images-idx3-ubyte", "the folder is empty")
	add("backend.Wide", func() error { _, err := backend.Wide(0); return err }, "n is 0", "1 to 1024")
	add("backend.Devices", func() error { _, err := backend.Devices(0); return err }, "n is 0", "1 to 128")
	add("backend.Name", func() error { return fmt.Errorf("backend: %s", backend.Name(nil)) }, "none")
	add("backend.Machine", func() error { return fmt.Errorf("backend: %s", backend.Machine(nil)) }, "none")
	add("backend.OnGPU", func() error { return fmt.Errorf("backend: %v", backend.OnGPU(nil)) }, "false")
	add("backend.Parts", func() error { return fmt.Errorf("backend: %v", backend.Parts(nil)) }, "nil")
	add("host.Download", func() error { return host.Download(ctx, "", "a==1") }, `folder is ""`)
	add("host.Download", func() error { return host.Download(ctx, t.TempDir(), "\n") }, "requirements", "a line for each package")
	add("host.FindPython", func() error { _, err := host.FindPython(ctx, 99); return err }, "no Python to build on")
	add("host.Hint", panics(func() { host.Hint(99) }), "Hint(99)")
	add("host.Venv.Install", func() error {
		return host.Venv{Dir: filepath.Join(t.TempDir(), "venv"), Minor: 99}.Install(ctx, os.Stderr, nil)
	}, "no Python to build on")
	add("host.Venv.Version", func() error { return fmt.Errorf("host: %q", host.Venv{Dir: "nowhere"}.Version(ctx)) }, `""`)
	return append(all, badExercises()...)
}

func many(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(i)
	}
	return values
}

// takesAnything are functions that have no bad argument, and why.
var takesAnything = map[string]string{
	"bnlib.FormatAccuracy":    "writes any number",
	"bnlib.Run.Changed":       "a pattern that names nothing changes nothing",
	"parallel.InTurn":         "of no device: none",
	"parallel.Mean":           "any shape",
	"parallel.Sorted":         "any labels",
	"norms.Alone.Variables":   "no arguments",
	"chart.Recorded":          "what nobody recorded has an empty curve",
	"fit.Line.At":             "of any number",
	"fit.Law.At":              "of any number",
	"bnlib.Std":               "Grid.Validate says so",
	"bnlib.Rate":              "Grid.Validate says so",
	"bnlib.StdOf":             "Grid.Validate says so",
	"bnlib.RateOf":            "Grid.Validate says so",
	"bnlib.Activation":        "Grid.Validate says so",
	"bnlib.Choice":            "Grid.Validate says so",
	"bnlib.Axis.Label":        "an index of Values, as for a slice",
	"bnlib.Frozen":            "Experiment.Validate says so",
	"bnlib.Experiment.With":   "Train says so",
	"bnlib.Network.Rate":      "any other name has the network's rate",
	"bnlib.Network.Logits":    "a model function: GoMLX says so",
	"bnlib.Norm.Equal":        "compares any two",
	"bnlib.MoveTowards":       "nodes of GoMLX's: it says so",
	"bnlib.GammaBeta":         "nodes of GoMLX's: it says so",
	"bnlib.MovingAverage":     "nodes of GoMLX's: it says so",
	"bnlib.Spread.Text":       "writes any numbers",
	"probe.Hook.At":           "Hook.Validate says so",
	"probe.NewLook":           "the engine's own",
	"plot.Scatter.Add":        "what is not finite is not drawn",
	"show.Live.Record":        "the engine's own",
	"data.Set.Image":          "an index of Labels, as for a slice",
	"probe.Look.Records":      "the engine's own",
	"probe.Look.Variables":    "no arguments",
	"probe.Look.Values":       "no arguments",
	"probe.Look.Loss":         "no arguments",
	"probe.Look.Minibatch":    "no arguments",
	"plot.Explorer.Title":     "of one that cannot be drawn it is empty",
	"plot.Panel.Extent":       "of nothing it is an empty interval",
	"plot.Table.HTML":         "cuts and fills rows",
	"plot.Table.Markdown":     "cuts and fills rows",
	"plot.Table.Text":         "cuts and fills rows",
	"data.FormatError.Error":  "an error's own",
	"data.FormatError.Unwrap": "an error's own",
}

// TestBadArgumentsOfAll holds the table to the packages: every exported function with arguments, or of a pointer, is in it.
func TestBadArgumentsOfAll(t *testing.T) {
	t.Setenv(bnlib.StoreEnv, t.TempDir())
	table := map[string]bool{}
	for _, c := range badArguments(t) {
		table[c.function] = true
	}
	if len(table) < 80 {
		t.Errorf("the table has %d functions", len(table))
	}
	for _, folder := range []string{".", "probe", "norms", "parallel", "claims", "check", "plot", "fit", "chart", "show", "backend", "host", "../data"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range parsed.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !f.Name.IsExported() {
					continue
				}
				name, pointer := f.Name.Name, false
				if f.Recv != nil {
					of := f.Recv.List[0].Type
					if star, ok := of.(*ast.StarExpr); ok {
						of, pointer = star.X, true
					}
					if !ast.IsExported(of.(*ast.Ident).Name) {
						continue
					}
					name = of.(*ast.Ident).Name + "." + name
				}
				name = parsed.Name.Name + "." + name
				if (pointer || f.Type.Params.NumFields() > 0) && !table[name] && takesAnything[name] == "" {
					t.Errorf("%s is not in the table", name)
				}
			}
		}
	}
}

// TestBadArguments hands exported functions what they cannot use. An error names package, field, value and what is allowed; nothing
// panics but what says so.
func TestBadArguments(t *testing.T) {
	t.Setenv(bnlib.StoreEnv, t.TempDir())
	t.Setenv(host.PythonEnv, "")
	for i, c := range badArguments(t) {
		t.Run(fmt.Sprintf("%s %d", c.function, i), func(t *testing.T) {
			err := c.call()
			if err == nil {
				t.Fatalf("no error, want %q", c.want)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}
