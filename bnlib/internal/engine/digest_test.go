package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/internal/plain"
	"batchnorm/bnlib/probe"
	"batchnorm/data"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/layers/activation"
)

// smallData is the beginning of MNIST, so that an evaluation takes no time.
var smallData = sync.OnceValues(func() (*data.Dataset, error) {
	d, err := data.MNIST()
	if err != nil {
		return nil, err
	}
	first := func(set data.Set, n int) data.Set {
		return data.Set{Images: set.Images[:n*data.Pixels], Labels: set.Labels[:n]}
	}
	return &data.Dataset{Train: first(d.Train, 2000), Validation: first(d.Validation, 500), Test: first(d.Test, 1000)}, nil
})

// oneCore returns n backends of one core each: the parts of the machine and, where it has fewer, more of the same kind.
func oneCore(t *testing.T, n int) []compute.Backend {
	t.Helper()
	b, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	xla, ok := b.(interface{ Config() string })
	if !ok || b.Name() != "xla" || backend.OnGPU(b) {
		t.Skip("the default backend is not XLA on a processor")
	}
	parts := slices.Clone(backend.Parts(b))
	t.Setenv("NPROC", "1") // how many threads XLA starts
	for len(parts) < n {
		more, err := compute.NewWithConfig("xla:" + xla.Config())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(more.Finalize)
		parts = append(parts, more)
	}
	return parts[:n]
}

// small is a network of two small layers with a norm.
func small(norm bnlib.Norm, seed uint64, edit func(*engine.Spec)) *engine.Spec {
	n := bnlib.Network{Experiment: bnlib.Experiment{Hidden: []int{24, 16}, Activation: activation.TypeSigmoid}, Norm: norm}
	s := &engine.Spec{
		Name:  norm.Name,
		Model: n.Logits,
		Same:  norm.Name,
		Std:   func(string) float64 { return 0.3 },
		Rate:  func(string) float64 { return 0.5 },
		Seed:  seed, Batch: 20, Steps: 30, Every: 10,
	}
	if edit != nil {
		edit(s)
	}
	return s
}

// looked adds a hook that takes gradients.
func looked(s *engine.Spec) { s.Hooks = []probe.Hook{probe.Norms} }

// train trains networks on some parts of the machine, at most so many in one program.
func train(t *testing.T, parts []compute.Backend, lockstep int, specs ...*engine.Spec) []*engine.Result {
	t.Helper()
	d, err := smallData()
	if err != nil {
		t.Fatal(err)
	}
	tracer := &engine.Tracer{Backend: parts[0]}
	var jobs []*engine.Job
	var results []*engine.Result
	for _, s := range specs {
		trace, err := tracer.Trace(s)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, &engine.Result{})
		jobs = append(jobs, &engine.Job{Network: &engine.Network{Spec: s, Trace: trace}, Result: results[len(results)-1]})
	}
	if err := engine.Train(context.Background(), jobs, engine.Options{Data: d, Parts: parts, Lockstep: lockstep}); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if !r.Over || len(r.Losses) != specs[i].Steps {
			t.Fatalf("network %d: over %v after %d losses", i, r.Over, len(r.Losses))
		}
	}
	return results
}

// digest is of all numbers that a result has, bit by bit.
func digest(r *engine.Result) string {
	sum := sha256.New()
	write := func(values ...any) {
		for _, v := range values {
			if err := binary.Write(sum, binary.LittleEndian, v); err != nil {
				panic(err)
			}
		}
	}
	write(r.Losses, int64(r.DivergedAt), r.Test)
	for _, p := range r.Points {
		write(int64(p.Step), p.Loss, p.Accuracy)
	}
	for _, n := range r.Answers {
		write(int64(n))
	}
	for _, w := range r.Weights {
		fmt.Fprintln(sum, w.Name, w.Dims, w.Trainable)
		write(w.Values)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Seen)) {
		h := r.Seen[name]
		fmt.Fprintln(sum, name, h.Steps, h.Names)
		for _, values := range h.Values {
			for _, numbers := range values {
				write(numbers)
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func digests(results []*engine.Result) []string {
	var all []string
	for _, r := range results {
		all = append(all, digest(r))
	}
	return all
}

// busy keeps the machine's processors from being idle until the test ends.
func busy(t *testing.T, loops int) {
	var stop atomic.Bool
	var wait sync.WaitGroup
	for range loops {
		wait.Go(func() {
			for !stop.Load() {
			}
		})
	}
	t.Cleanup(func() {
		stop.Store(true)
		wait.Wait()
	})
}

// TestOneDigest trains networks alone, in a pair and among sixteen, on one core, two and four, on a quiet machine and beside
// busy loops: each network has the same numbers every time, to the bit.
func TestOneDigest(t *testing.T) {
	parts := oneCore(t, 4)
	sixteen := []*engine.Spec{small(bnlib.None, 0, looked)}
	for seed := range uint64(15) {
		sixteen = append(sixteen, small(bnlib.Batch, seed, looked))
	}
	want := digests(train(t, parts[:1], 1, sixteen...))
	if distinct := slices.Compact(slices.Sorted(slices.Values(want))); len(distinct) != len(sixteen) {
		t.Fatalf("networks that differ have one digest: %v", want)
	}
	for _, c := range []struct {
		name     string
		from, to int // of the sixteen
		parts    []compute.Backend
		busy     int
	}{
		{"alone", 0, 1, parts[:1], 0},
		{"alone on another core", 1, 2, parts[3:], 0},
		{"alone beside busy loops", 1, 2, parts[:1], 2},
		{"a pair", 0, 2, parts[:2], 0},
		{"sixteen on two cores beside busy loops", 0, 16, parts[:2], 2},
		{"sixteen on four cores", 0, 16, parts, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			busy(t, c.busy)
			if got := digests(train(t, c.parts, 1, sixteen[c.from:c.to]...)); !slices.Equal(got, want[c.from:c.to]) {
				t.Errorf("digests %v, want %v", got, want[c.from:c.to])
			}
		})
	}
}

// lockstepTolerance bounds how far a network's losses in a program with others are from its losses alone, relative to the
// largest: XLA may fuse, and so round, otherwise in another program. (Under AVX-512 and under AVX2 the bits are the same.)
const lockstepTolerance = 1e-5

// TestLockstepOnXLA trains networks of several graphs and seeds in one program, as on a GPU, and each in one of its own.
func TestLockstepOnXLA(t *testing.T) {
	parts := oneCore(t, 1)
	var specs []*engine.Spec
	for seed := range uint64(3) {
		specs = append(specs, small(bnlib.None, seed/2, looked), small(bnlib.Batch, seed, looked))
	}
	specs[2].Rate = func(variable string) float64 { return 0.1 }
	specs[3].Decay = func(variable string) float64 { return 1e-3 }
	together, each := train(t, parts, 16, specs...), train(t, parts, 1, specs...)
	for i, alone := range each {
		if together[i].Lockstep != len(specs) || alone.Lockstep != 1 {
			t.Errorf("network %d: %d in its program, alone %d", i, together[i].Lockstep, alone.Lockstep)
		}
		t.Logf("network %d: the same bits %v", i, digest(together[i]) == digest(alone))
		if d := plain.Difference(plain.Widen(together[i].Losses), plain.Widen(alone.Losses)); !(d <= lockstepTolerance) {
			t.Errorf("network %d: losses differ by %.3g of the largest", i, d)
		}
		for k, w := range together[i].Weights {
			if d := plain.Difference(plain.Widen(w.Values), plain.Widen(alone.Weights[k].Values)); !(d <= lockstepTolerance) {
				t.Errorf("network %d: %s differs by %.3g of its largest element", i, w.Name, d)
			}
		}
	}
}

// TestLost trains a network that is NaN for good alone, where that is noticed, and beside one that stays finite, which keeps both
// going: what is recorded is the same.
func TestLost(t *testing.T) {
	parts := oneCore(t, 1)
	explode := func(s *engine.Spec) {
		looked(s)
		s.Steps, s.Every = 60, 7
		s.Rate = func(string) float64 { return 1e30 }
		s.Decay = func(string) float64 { return 0.1 } // so that weights are not finite soon
	}
	finite := func(s *engine.Spec) {
		explode(s)
		s.Rate, s.Decay = func(string) float64 { return 0.5 }, func(string) float64 { return 1e-4 }
	}
	for _, norm := range []bnlib.Norm{bnlib.None, bnlib.Batch} {
		lost := small(norm, 1, explode)
		alone := train(t, parts, 1, lost)[0]
		beside := train(t, parts, 2, small(norm, 2, finite), lost)
		if alone.DivergedAt == 0 || alone.DivergedAt > 30 || !math.IsNaN(alone.Points[len(alone.Points)-1].Loss) {
			t.Fatalf("%s: diverged at step %d, points %v", norm.Name, alone.DivergedAt, alone.Points)
		}
		if last := beside[0].Points[len(beside[0].Points)-1].Loss; math.IsNaN(last) {
			t.Fatalf("%s: the network beside it has a loss of %v", norm.Name, last)
		}
		if digest(alone) != digest(beside[1]) {
			t.Errorf("%s: alone %v, %v, %v, beside another %v, %v, %v", norm.Name,
				alone.Losses, alone.Points, alone.Test, beside[1].Losses, beside[1].Points, beside[1].Test)
		}

		// Nor is it trained any more: nobody asks for the rates of later steps.
		asked := 0
		counted := small(norm, 1, explode)
		counted.Schedule = func(step int) float64 { asked = max(asked, step+1); return 1 }
		r := train(t, parts, 1, counted)[0]
		if most := r.DivergedAt + 3*counted.Every; asked > most || asked < r.DivergedAt {
			t.Errorf("%s: diverged at step %d and trained up to step %d; want %d at most", norm.Name, r.DivergedAt, asked, most)
		}
		if got, want := r.Points, alone.Points; !slices.EqualFunc(got, want, func(a, b engine.Point) bool {
			return a.Step == b.Step && a.Accuracy == b.Accuracy && math.Float64bits(a.Loss) == math.Float64bits(b.Loss)
		}) {
			t.Errorf("%s: with a schedule of ones %v, want %v", norm.Name, got, want)
		}
	}
}

// TestFrozen trains networks that turn NaN all around variables that are frozen: those keep their bits.
func TestFrozen(t *testing.T) {
	parts := oneCore(t, 1)
	for _, norm := range []bnlib.Norm{bnlib.None, bnlib.Batch} {
		frozen := small(norm, 1, nil)
		frozen.Decay = func(string) float64 { return 0.1 }
		frozen.Rate = func(variable string) float64 {
			if variable == "hidden_1/dense/weights" || variable == "logits/dense/biases" {
				return 0
			}
			return 1e30
		}
		r := train(t, parts, 1, frozen)[0]
		trace, err := (&engine.Tracer{Backend: parts[0]}).Trace(frozen)
		if err != nil {
			t.Fatal(err)
		}
		n := &engine.Network{Spec: frozen, Trace: trace}
		values, err := n.Initial()
		if err != nil {
			t.Fatal(err)
		}
		initial, err := n.WeightsOf(values)
		if err != nil {
			t.Fatal(err)
		}
		if r.DivergedAt == 0 {
			t.Fatalf("%s: did not diverge: %v", norm.Name, r.Losses)
		}
		for i, w := range r.Weights {
			same := slices.EqualFunc(w.Values, initial[i].Values, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
			nan := slices.ContainsFunc(w.Values, func(v float32) bool { return v != v })
			if isFrozen := w.Trainable && n.Rate(w.Name) == 0; same != isFrozen || w.Trainable && nan == isFrozen {
				t.Errorf("%s: %s, frozen %v: keeps its bits %v, NaN %v", norm.Name, w.Name, isFrozen, same, nan)
			}
		}
	}
}
