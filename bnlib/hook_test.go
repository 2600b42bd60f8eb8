package bnlib

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/probe"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"
)

// A norm and a hook as a reader types them into a cell.
var (
	meanOnly = Norm{Name: "mean only", Apply: func(_ *model.Scope, x *Node) *Node {
		return Sub(x, ReduceAndKeep(x, ReduceMean, 0))
	}}
	cosine = probe.Hook{Name: "cosine", Graph: func(l *probe.Look) {
		for _, layer := range []string{"hidden_1", "hidden_2"} {
			w, g := l.Value(layer+"/dense/weights"), l.Gradient(layer+"/dense/weights")
			product, lengths := ReduceSum(Mul(w, g), 0), Sqrt(Mul(ReduceSum(Square(w), 0), ReduceSum(Square(g), 0)))
			l.Record(layer, Div(product, lengths)) // [units]
		}
	}}
)

// TestOwnHookOnOwnNorm looks at the angle between a unit's weights and their gradient, which is a right one where the layer is
// normalized: the loss does not change with the length of the weights (Ioffe and Szegedy 2015, section 3.3). Epsilon lets it
// change a little; a norm that takes only the mean does not hold it.
func TestOwnHookOnOwnNorm(t *testing.T) {
	e := short(4)
	e.InitStd, e.Hidden = 3, []int{12, 9} // so that the variance is far above epsilon
	o := options(t)
	o.Hooks = []probe.Hook{cosine}
	runs := trained(t, o, e.With(meanOnly, Batch)...)
	for i, run := range runs {
		h := run.Seen["cosine"]
		if h == nil || !slices.Equal(h.Steps, []int{0, 20, 40}) || !slices.Equal(h.Names, []string{"hidden_1", "hidden_2"}) {
			t.Fatalf("%s: the hook saw %+v", run.Network.Norm.Name, h)
		}
		largest := 0.0
		for k, step := range h.Steps {
			for n, units := range []int{12, 9} {
				if len(h.Values[k][n]) != units {
					t.Fatalf("%s, step %d: %d numbers of %s, want %d", run.Network.Norm.Name, step, len(h.Values[k][n]), h.Names[n], units)
				}
				for _, c := range h.Values[k][n] {
					largest = max(largest, math.Abs(c))
				}
			}
		}
		if normalized := i == 1; normalized != (largest < 1e-3) || !(largest <= 1.0001) {
			t.Errorf("%s: cosines of up to %.3g between a unit's weights and their gradient", run.Network.Norm.Name, largest)
		}
		if _, ok := run.Weight("hidden_1/dense/biases"); ok {
			t.Errorf("%s: a layer with a norm has a bias", run.Network.Norm.Name)
		}
	}
	stored, err := o.Store.Load(runs[0].Key)
	if err != nil || stored.Network.Norm.Name != "mean only" || stored.Network.Norm.Apply != nil {
		t.Errorf("stored: norm %+v, %v", stored.Network.Norm, err)
	}

	// The look at a run that is done sees what the hook saw at its end.
	for _, run := range runs {
		h, err := Look(run, cosine, nil)
		if err != nil {
			t.Fatal(err)
		}
		seen := run.Seen["cosine"]
		if !slices.Equal(h.Steps, []int{40}) || !slices.Equal(h.Names, seen.Names) {
			t.Fatalf("%s: Look saw %+v", run.Network.Norm.Name, h)
		}
		for n, numbers := range h.Values[0] {
			if !slices.Equal(numbers, seen.Values[2][n]) {
				t.Errorf("%s: Look saw %v of %s, in training %v", run.Network.Norm.Name, numbers, h.Names[n], seen.Values[2][n])
			}
		}
		before := *run
		before.Weights = nil
		if h, err = Look(&before, cosine, nil); err != nil || !slices.Equal(h.Steps, []int{0}) ||
			!slices.Equal(h.At(0, "hidden_1"), seen.At(0, "hidden_1")) {
			t.Errorf("%s: before the first step Look saw %+v, %v; in training %v", run.Network.Norm.Name, h, err, seen.At(0, "hidden_1"))
		}
	}
}

// TestHooksAndStore checks when a stored run serves a call with hooks, and what the call returns and the store has then.
func TestHooksAndStore(t *testing.T) {
	o := options(t)
	e := short(1)
	e.Hidden = []int{6, 5}
	edited := cosine
	edited.Graph = func(l *probe.Look) { l.Record("hidden_1", l.Initial("hidden_1/dense/weights")) }
	reduced := func(scale float64) probe.Hook { // the same graph
		return probe.Hook{Name: "reduced", Graph: func(l *probe.Look) {
			l.Reduced("loss", l.Loss(), func(v []float32) []float64 { return []float64{scale * float64(v[0])} })
		}}
	}
	var first *Run
	for _, c := range []struct {
		name  string
		hooks []probe.Hook
		want  bool             // trains
		seen  map[string][]int // steps
	}{
		{"nothing stored", nil, true, map[string][]int{}},
		{"the run without what the hook sees", []probe.Hook{cosine}, true, map[string][]int{"cosine": {0, 20, 40}}},
		{"the same again", []probe.Hook{cosine}, false, map[string][]int{"cosine": {0, 20, 40}}},
		{"no hook", nil, false, map[string][]int{}},
		{"some of the steps", []probe.Hook{cosine.At(40, 0)}, false, map[string][]int{"cosine": {0, 20, 40}}},
		{"other steps", []probe.Hook{cosine.At(0, 10)}, true, map[string][]int{"cosine": {0, 10, 20, 40}}},
		{"the steps of before", []probe.Hook{cosine}, false, map[string][]int{"cosine": {0, 10, 20, 40}}},
		{"an edited graph", []probe.Hook{edited.At(0, 10)}, true, map[string][]int{"cosine": {0, 10}}},
		{"the graph of before", []probe.Hook{cosine}, false, map[string][]int{"cosine": {0, 10, 20, 40}}},
		{"another hook beside", []probe.Hook{cosine.At(0), reduced(1)}, true, map[string][]int{"cosine": {0, 10, 20, 40}, "reduced": {0, 20, 40}}},
		{"another way to reduce, which is no part of the key", []probe.Hook{reduced(2)}, false, map[string][]int{"reduced": {0, 20, 40}}},
	} {
		stored := true
		o.Hooks = c.hooks
		o.Recorder = recorderFunc(func(Progress) { stored = false })
		run := trained(t, o, e.With(Batch)...)[0]
		if first == nil {
			first = run
		}
		got := map[string][]int{}
		for name, h := range run.Seen {
			got[name] = h.Steps
			if len(h.Values) != len(h.Steps) {
				t.Errorf("%s: %q has %d looks at %d steps", c.name, name, len(h.Values), len(h.Steps))
			}
		}
		if diff := cmp.Diff(c.seen, got); stored == c.want || diff != "" {
			t.Errorf("%s: from the store %v, want %v; steps (-want +got):\n%s", c.name, stored, !c.want, diff)
		}
		if !sameRun(first, run) || run.Key != first.Key {
			t.Errorf("%s: another run", c.name)
		}
		if h := run.Seen["reduced"]; h != nil && math.Abs(h.At(20, "loss")[0]/float64(run.Losses[20])-1) > 1e-5 {
			t.Errorf("%s: the loss after step 20 is %v, in training %v", c.name, h.At(20, "loss"), run.Losses[20])
		}
	}
}

func TestHookErrors(t *testing.T) {
	hook := func(graph func(l *probe.Look)) probe.Hook { return probe.Hook{Name: "mine", Graph: graph} }
	for _, c := range []struct {
		name  string
		hooks []probe.Hook
		want  []string // in the message
	}{
		{"a panic", []probe.Hook{hook(func(*probe.Look) { panic("out of ideas") })}, []string{`hook "mine"`, "out of ideas"}},
		{"a panic of Go's", []probe.Hook{hook(func(l *probe.Look) { l.Record("x", []*Node{}[len(l.Variables())]) })}, []string{`hook "mine"`, "index out of range"}},
		{"a panic on the host", []probe.Hook{hook(func(l *probe.Look) {
			l.Reduced("x", l.Loss(), func([]float32) []float64 { panic("cannot reduce") })
		})}, []string{`hook "mine"`, "cannot reduce"}},
		{"two records of a name", []probe.Hook{hook(func(l *probe.Look) { l.Record("x", l.Loss()); l.Record("x", l.Loss()) })},
			[]string{`hook "mine"`, `two records are called "x"`, "allowed"}},
		{"unknown variable", []probe.Hook{hook(func(l *probe.Look) { l.Record("x", l.Value("hidden_9/dense/weights")) })},
			[]string{`hook "mine"`, `no variable "hidden_9/dense/weights"`, "allowed", "hidden_1/dense/weights"}},
		{"gradient of what is not trained", []probe.Hook{hook(func(l *probe.Look) { l.Record("x", l.Gradient("hidden_1/batch_norm/moving_mean")) })},
			[]string{`"hidden_1/batch_norm/moving_mean" is not trained`, "allowed"}},
		{"no graph", []probe.Hook{{Name: "mine"}}, []string{"Options.Hooks[0]", `Hook.Graph of "mine" is nil`, "allowed"}},
		{"no name", []probe.Hook{cosine, {Graph: cosine.Graph}}, []string{"Options.Hooks[1]", "Hook.Name is empty", "allowed"}},
		{"two of one name", []probe.Hook{cosine, cosine.At(0)}, []string{"Options.Hooks[1]", `"cosine"`, "allowed"}},
		{"a step beyond the end", []probe.Hook{cosine.At(0, 41)}, []string{`Hook.Steps[1] of "cosine" is 41`, "allowed: 0 to 40"}},
		{"a step before the start", []probe.Hook{cosine.At(-3)}, []string{`Hook.Steps[0] of "cosine" is -3`, "allowed: 0 to 40"}},
	} {
		o := options(t)
		o.Hooks = c.hooks
		_, err := Train(context.Background(), short(1).With(Batch), o)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "bnlib: ") {
				t.Errorf("%s: error %v, want %q", c.name, err, want)
			}
		}
	}
	o := options(t)
	o.Hooks = []probe.Hook{{Name: "mine"}} // Compare's own come after the reader's
	if _, err := Compare(context.Background(), short(1), o); err == nil || !strings.Contains(err.Error(), "Options.Hooks[0]") {
		t.Errorf("Compare: error %v", err)
	}
	run := &Run{Network: short(1).With(Batch)[0]}
	if _, err := Look(run, hook(func(*probe.Look) { panic(errors.New("out of ideas")) }), nil); err == nil ||
		!strings.Contains(err.Error(), `hook "mine"`) || !strings.Contains(err.Error(), "out of ideas") {
		t.Errorf("Look with a hook that panics: error %v", err)
	}
	if _, err := Look(run, probe.Hook{Name: "mine"}, nil); err == nil || !strings.Contains(err.Error(), "Hook.Graph") {
		t.Errorf("Look with a hook without graph: error %v", err)
	}
}
