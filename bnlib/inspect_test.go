package bnlib

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"batchnorm/bnlib/probe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestInitialSignal(t *testing.T) {
	ctx := context.Background()
	var networks []Network
	for number, norm := range map[int]Norm{1: None, 8: Batch} {
		networks = append(networks, short(number).With(norm)...)
	}
	e := short(1)
	e.Model = afterActivation
	networks = append(networks, Network{Experiment: e})
	got, err := InitialSignal(ctx, networks, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	o.Hooks = []probe.Hook{probe.Signals.At(0), probe.Norms.At(0)}
	runs, err := Train(ctx, networks, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(networks) {
		t.Fatalf("%d snapshots, want %d", len(got), len(networks))
	}
	for i, run := range runs {
		if diff := cmp.Diff(run.Snapshots()[0], got[i], cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-4, 1e-6),
			cmpopts.IgnoreFields(probe.Histogram{}, "Counts")); diff != "" {
			t.Errorf("network %d (-at step 0 of its run +got):\n%s", i, diff)
		}
		if relative := math.Abs(got[i].Loss/float64(run.Losses[0]) - 1); relative > 1e-5 {
			t.Errorf("network %d: first loss %v, in training %v", i, got[i].Loss, run.Losses[0])
		}
	}
}

func TestInitialSignalErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := InitialSignal(ctx, short(1).Pair(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	e := short(1)
	e.InitStd = -1
	for want, call := range map[string]func() ([]probe.Snapshot, error){
		"networks is empty": func() ([]probe.Snapshot, error) { return InitialSignal(context.Background(), nil, nil) },
		"InitStd is -1":     func() ([]probe.Snapshot, error) { return InitialSignal(context.Background(), e.Pair(), nil) },
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// BenchmarkInitialSignal measures what a reader waits for who moves a slider: a network of the article's, compiled anew.
func BenchmarkInitialSignal(b *testing.B) {
	testBackend(b)
	mnist(b)
	for b.Loop() {
		if _, err := InitialSignal(context.Background(), Article(1).Pair()[1:], nil); err != nil {
			b.Fatal(err)
		}
	}
}
