package bnlib

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"batchnorm/data"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// keys returns the keys of the runs that a call would ask the store for, without training.
func keys(t *testing.T, o *Options, networks ...Network) []string {
	t.Helper()
	training, err := newTraining(networks, o)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, run := range training.runs {
		keys = append(keys, run.Key)
	}
	return keys
}

func TestKey(t *testing.T) {
	base := Network{Experiment: short(1), BatchNorm: true}
	key := keys(t, options(t), base)[0]
	change := func(name string, same bool, edit func(*Network)) {
		n := base
		n.Hidden = slices.Clone(n.Hidden)
		edit(&n)
		if got := keys(t, options(t), n)[0]; (got == key) != same {
			t.Errorf("%s: same key %v, want %v", name, got == key, same)
		}
	}
	change("nothing", true, func(n *Network) {})
	change("Name", true, func(n *Network) { n.Name = "another" })
	change("Model that builds the same", true, func(n *Network) { n.Model = n.Logits })
	change("BatchNorm", false, func(n *Network) { n.BatchNorm = false })
	change("InitStd", false, func(n *Network) { n.InitStd *= 2 })
	change("LearningRate", false, func(n *Network) { n.LearningRate *= 2 })
	change("Activation", false, func(n *Network) { n.Activation = activation.TypeSigmoid })
	change("Hidden", false, func(n *Network) { n.Hidden[1]++ })
	change("Batch", false, func(n *Network) { n.Batch++ })
	change("Steps", false, func(n *Network) { n.Steps++ })
	change("Every", false, func(n *Network) { n.Every++ })
	change("Seed", false, func(n *Network) { n.Seed++ })
	change("Model", false, func(n *Network) { n.Model = afterActivation })

	withData := options(t)
	withData.Data = &data.Dataset{Train: mnist(t).Train, Validation: mnist(t).Validation, Test: mnist(t).Test, Checksum: "other"}
	if keys(t, withData, base)[0] == key {
		t.Error("other data: the same key")
	}
	slow, err := pureGo()
	if err != nil {
		t.Fatal(err)
	}
	withBackend := options(t)
	withBackend.Backend = slow
	if keys(t, withBackend, base)[0] == key {
		t.Error("another backend: the same key")
	}
}

// TestKeyOfModels checks small edits to the body of a model function.
func TestKeyOfModels(t *testing.T) {
	body := func(scale float64, table []float32, gammaStart float64, trainable bool) ModelFunc {
		return func(scope *model.Scope, images *graph.Node) *graph.Node {
			start := func(g *graph.Graph, shape shapes.Shape) *graph.Node {
				return graph.MulScalar(graph.Ones(g, shape), gammaStart)
			}
			gamma := scope.WithInitializer(start).VariableWithShape("gamma", images.Shape()).SetTrainable(trainable)
			x := graph.Mul(images, gamma.NodeValue(images))
			x = graph.MulScalar(layers.Dense(scope.In("a"), x, true, len(table)), scale)
			return layers.Dense(scope.In("b"), graph.Add(x, graph.ExpandAxes(graph.Const(x.Graph(), table), 0)), true, data.Classes)
		}
	}
	table := make([]float32, 50)
	edited := slices.Clone(table)
	edited[49] = 1
	var networks []Network
	for _, m := range []ModelFunc{
		body(1, table, 1, true),
		body(2, table, 1, true),
		body(1, edited, 1, true), // a constant too long to show in GoMLX's own text of a graph
		body(1, table, 2, true),  // only an initial value
		body(1, table, 1, false), // only what is trained
	} {
		e := short(1)
		e.Model = m
		networks = append(networks, Network{Experiment: e})
	}
	got := keys(t, options(t), networks...)
	slices.Sort(got)
	if len(slices.Compact(got)) != len(networks) {
		t.Errorf("edits to a model function share keys: %v", got)
	}
	if again := keys(t, options(t), networks...); !slices.Equal(got, sorted(again)) {
		t.Error("the keys of one model function differ from call to call")
	}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func TestStoredRun(t *testing.T) {
	o := options(t)
	first := compare(t, short(1), o)
	o.Recorder = recorderFunc(func(p Progress) { t.Errorf("a stored run was trained again: %+v", p) })
	e := short(1)
	e.Name = "renamed"
	second := compare(t, e, o)
	for i := range first {
		if !sameRun(first[i], second[i]) || second[i].Network.Name != "renamed" || second[i].Key != first[i].Key ||
			!second[i].Finished.Equal(first[i].Finished) {
			t.Errorf("stored run %d differs", i)
		}
	}

	// A file that cannot be read is no reason to fail: the network trains again.
	o.Recorder = nil
	file := filepath.Join(o.Store.Dir, first[1].Key+".run")
	if err := os.WriteFile(file, []byte("not a run"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Store.Load(first[1].Key); err == nil || errors.Is(err, ErrNoRun) {
		t.Errorf("loading a broken file: %v", err)
	}
	third := compare(t, short(1), o)
	if !sameRun(first[1], third[1]) {
		t.Error("trained again after a broken file: differs")
	}
	files, err := os.ReadDir(o.Store.Dir)
	if err != nil || len(files) != 2 {
		t.Errorf("the store holds %v, %v", files, err)
	}
}

func TestStore(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "new", "folder")}
	run := &Run{Key: "abc", Status: Diverged, DivergedAt: 2, Losses: []float32{1, float32(math.NaN())}, Test: .098,
		Points: []Point{{1, math.Inf(1), .1}}, Network: Network{Experiment: Experiment{Name: "n", Model: afterActivation}}}
	if err := s.Save(run); err != nil {
		t.Fatal(err)
	}
	got, err := s.Load("abc")
	if err != nil || !sameRun(got, run) || got.Network.Name != "n" || got.DivergedAt != 2 || got.Status != Diverged {
		t.Errorf("loaded %+v, %v", got, err)
	}
	for _, key := range []string{"none", "", "../abc"} {
		if _, err := s.Load(key); !errors.Is(err, ErrNoRun) {
			t.Errorf("key %q: %v", key, err)
		}
	}
	if err := s.Save(&Run{Key: "half", Status: Cancelled}); err == nil {
		t.Error("a cancelled run was stored")
	}
}

func BenchmarkStoredPair(b *testing.B) {
	o := options(b)
	if _, err := Compare(context.Background(), short(1), o); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Compare(context.Background(), short(1), o); err != nil {
			b.Fatal(err)
		}
	}
}
