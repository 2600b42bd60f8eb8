package bnlib

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/host"
	"batchnorm/data"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
	base := Network{Experiment: short(1), Norm: Batch}
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
	change("Norm's name and colour", true, func(n *Network) { n.Norm.Name, n.Norm.Color = "another", "red" })
	change("rates that say the same", true, func(n *Network) { n.Rates = ByVariable{"*": n.LearningRate} })
	change("Norm", false, func(n *Network) { n.Norm = None })
	change("Stds", false, func(n *Network) { n.Stds = ByVariable{"hidden_2": 0.3} })
	change("Rates", false, func(n *Network) { n.Rates = Frozen("hidden_2/batch_norm") })
	change("Decay", false, func(n *Network) { n.Decay = ByVariable{"logits": 1e-4} })
	change("Schedule", false, func(n *Network) { n.Schedule = func(step int) float64 { return 1 - float64(step)/1000 } })
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
		if diff := cmp.Diff(first[i].Seen, second[i].Seen, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("what hooks saw of run %d (-trained +stored):\n%s", i, diff)
		}
	}

	// A file that cannot be read is no reason to fail: the network trains again, and says so.
	o.Recorder = nil
	path := filepath.Join(o.Store.Dir, first[1].Key+".safetensors")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 4
	for name, damaged := range map[string][]byte{"a bit flipped": content, "cut off": content[:1000], "overwritten": []byte("not a run")} {
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		third := compare(t, short(1), o)
		if !sameRun(first[1], third[1]) || !sameRun(first[0], third[0]) {
			t.Errorf("%s: trained again, it differs", name)
		}
		aside := first[1].Key + ".damaged"
		if notes := third[1].Notes; len(notes) != 1 || !strings.Contains(notes[0], "trained again") || !strings.Contains(notes[0], aside) {
			t.Errorf("%s: notes %q, want one that says that it was trained again and names %s", name, notes, aside)
		}
		if len(third[0].Notes) > 0 {
			t.Errorf("%s: notes on the run beside it: %q", name, third[0].Notes)
		}
		if kept, err := os.ReadFile(filepath.Join(o.Store.Dir, aside)); err != nil || !slices.Equal(kept, damaged) {
			t.Errorf("%s: the damaged file was not set aside: %v", name, err)
		}
		again, err := o.Store.Load(first[1].Key)
		if err != nil || !sameRun(again, third[1]) || !slices.Equal(again.Notes, third[1].Notes) {
			t.Errorf("%s: stored anew: %v", name, err)
		}
	}

	// So with what a hook saw: then the network trains again for that.
	histories, err := filepath.Glob(filepath.Join(o.Store.Dir, first[0].Key+"-*.safetensors"))
	if err != nil || len(histories) != 2 {
		t.Fatalf("histories %v, %v", histories, err)
	}
	if err := os.Truncate(histories[0], 100); err != nil {
		t.Fatal(err)
	}
	fourth := compare(t, short(1), o)
	if !sameRun(first[0], fourth[0]) || len(fourth[0].Notes) != 1 {
		t.Errorf("after a damaged history: notes %q", fourth[0].Notes)
	}
	if diff := cmp.Diff(first[0].Seen, fourth[0].Seen, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("after a damaged history (-want +got):\n%s", diff)
	}
}

func TestStore(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "new", "folder")}
	run := &Run{Key: "abc", Machine: "m", Notes: []string{"a note"}, Status: Diverged, Answers: [10]int{9: 1}, cause: Overflow, DivergedAt: 2, Losses: []float32{1, float32(math.NaN())}, Test: .098,
		Points: []Point{{0, 2.3, .1}, {2, math.Inf(1), .1}}, StepsPerSecond: math.Inf(1), Lockstep: 2,
		Weights: []Weight{{Name: "hidden_1/dense/weights", Dims: []int{1, 2}, Trainable: true, Values: []float32{1, float32(math.Inf(-1))}}, {Name: "m", Dims: []int{1}, Values: []float32{3}}},
		Network: Network{Norm: Norm{Name: "own", Color: "#123456", Dashed: true}, Experiment: Experiment{Name: "n", InitStd: 2, LearningRate: 3,
			Activation: activation.TypeSigmoid, Hidden: []int{4, 5}, Batch: 6, Steps: 2, Every: 8, Seed: 1 << 63, Stds: ByVariable{"a": 1},
			Rates: Frozen("b"), Decay: ByVariable{"c": 1e-4}, Model: afterActivation}}}
	if err := s.Save(run); err != nil {
		t.Fatal(err)
	}
	got, err := s.Load("abc")
	if err != nil {
		t.Fatal(err)
	}
	run.Network.Model = nil // a store keeps no functions
	if diff := cmp.Diff(run, got, cmp.AllowUnexported(Run{}), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
	head, err := s.loadHead("abc")
	run.Losses, run.Weights = nil, nil
	if diff := cmp.Diff(run, head, cmp.AllowUnexported(Run{}), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("its head: %v (-want +got):\n%s", err, diff)
	}
	if _, err := s.Load("0123"); !errors.Is(err, ErrNoRun) {
		t.Errorf("a key that the store does not have: %v", err)
	}
	for _, key := range []string{"none", "", "../abc"} {
		if _, err := s.Load(key); err == nil || !strings.Contains(err.Error(), "allowed") {
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

// TestDefaultStore asks for the folder of runs, without one that can be written where it need not be.
func TestDefaultStore(t *testing.T) {
	home, elsewhere := t.TempDir(), t.TempDir()
	t.Setenv(host.DirEnv, home)
	t.Setenv(StoreEnv, "")
	if s, err := DefaultStore(); err != nil || s.Dir != filepath.Join(home, "runs") {
		t.Errorf("the folder is %v, %v; want that in %s", s, err, home)
	}
	t.Setenv(host.DirEnv, filepath.Join(home, "file", "below"))
	if err := os.WriteFile(filepath.Join(home, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(StoreEnv, elsewhere)
	if s, err := DefaultStore(); err != nil || s.Dir != elsewhere {
		t.Errorf("with %s the folder is %v, %v; want %s", StoreEnv, s, err, elsewhere)
	}
	t.Setenv(StoreEnv, "")
	if s, err := DefaultStore(); err == nil || !strings.Contains(err.Error(), host.DirEnv) {
		t.Errorf("where no folder can be: %v, %v; want an error that names %s", s, err, host.DirEnv)
	}
}
