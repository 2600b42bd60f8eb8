package bnlib

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"batchnorm/bnlib/internal/plain"
	"batchnorm/data"
)

// images returns images of a set, from one up to, not including, another.
func images(set data.Set, from, to int) data.Set {
	return data.Set{Images: set.Images[from*data.Pixels : to*data.Pixels], Labels: set.Labels[from:to]}
}

// TestLogits compares with what training itself measured on the test images, for networks of every kind.
func TestLogits(t *testing.T) {
	networks := append(short(4).Pair(), short(1).Pair()...)
	own := short(1)
	own.Model = afterActivation
	networks = append(networks, Network{Experiment: own})
	runs, err := Train(context.Background(), networks, options(t))
	if err != nil {
		t.Fatal(err)
	}
	test := mnist(t).Test
	for _, run := range runs {
		got, err := Logits(run, test)
		if err != nil {
			t.Fatal(err)
		}
		if accuracy := Right(got, test.Labels); math.Abs(accuracy-run.Test) > 1e-4 { // a rounding may turn one answer
			t.Errorf("%s: accuracy %v, after training %v", run.Network.describe(), accuracy, run.Test)
		}
	}
}

// TestBatchLogits compares with a network in plain Go, and looks at what batches of one must give: the same for every image.
func TestBatchLogits(t *testing.T) {
	e := short(4)
	runs := trained(t, options(t), e.Pair()...)
	set := images(mnist(t).Test, 0, 7)
	without, bn := runs[0], runs[1]

	inference, err := Logits(without, set)
	if err != nil {
		t.Fatal(err)
	}
	batches, err := BatchLogits(without, set, 3)
	if err != nil {
		t.Fatal(err)
	}
	if d := plain.Difference(plain.Widen(batches), plain.Widen(inference)); !(d < 1e-5) {
		t.Errorf("without batch normalization, batches of 3 change the logits by %.3g", d)
	}

	batches, err = BatchLogits(bn, set, 3)
	if err != nil {
		t.Fatal(err)
	}
	var parts []float32
	for _, part := range []data.Set{images(set, 0, 3), images(set, 3, 6), images(set, 6, 7)} {
		parts = append(parts, handLogits(bn, part)...)
	}
	if d := plain.Difference(plain.Widen(batches), plain.Widen(parts)); !(d < 1e-4) {
		t.Errorf("batches of 3, 3 and 1: logits are off by %.3g\n got %v\nwant %v", d, batches, parts)
	}
	alone, err := BatchLogits(bn, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range set.Len() {
		if !slices.Equal(alone[i*data.Classes:(i+1)*data.Classes], alone[:data.Classes]) {
			t.Errorf("batches of 1: image %d has other logits than image 0", i)
		}
	}
	if got, err := Logits(bn, set); err != nil || plain.Difference(plain.Widen(got), plain.Widen(batches)) < 0.01 {
		t.Errorf("inference does not differ from batches of 3, or fails: %v", err)
	}
}

// handLogits computes the logits of a run of experiment 4 with the statistics of the set itself, in float64.
func handLogits(run *Run, set data.Set) []float32 {
	weights := map[string]Weight{}
	for _, w := range run.Weights {
		weights[w.Name] = w
	}
	product := func(x []float64, w Weight) []float64 {
		rows, columns := w.Dims[0], w.Dims[1]
		y := make([]float64, len(x)/rows*columns)
		for i, v := range x {
			for c := range columns {
				y[i/rows*columns+c] += v * float64(w.Values[i%rows*columns+c])
			}
		}
		return y
	}
	x := plain.Widen(set.Pixels())
	for _, layer := range []string{"hidden_1", "hidden_2"} {
		x = product(x, weights[layer+"/dense/weights"])
		gamma, beta := weights[layer+"/batch_norm/gamma"].Values, weights[layer+"/batch_norm/beta"].Values
		units := len(gamma)
		for u := range units {
			var mean, variance float64
			for i := u; i < len(x); i += units {
				mean += x[i] / float64(set.Len())
			}
			for i := u; i < len(x); i += units {
				variance += (x[i] - mean) * (x[i] - mean) / float64(set.Len())
			}
			for i := u; i < len(x); i += units {
				z := float64(gamma[u])*(x[i]-mean)/math.Sqrt(variance+Epsilon) + float64(beta[u])
				x[i] = 1 / (1 + math.Exp(-z))
			}
		}
	}
	x = product(x, weights["logits/dense/weights"])
	bias := weights["logits/dense/biases"].Values
	logits := make([]float32, len(x))
	for i := range x {
		logits[i] = float32(x[i] + float64(bias[i%data.Classes]))
	}
	return logits
}

func TestLogitsErrors(t *testing.T) {
	runs := trained(t, options(t), short(1).Pair()...)
	set := images(mnist(t).Test, 0, 2)
	change := func(do func(run *Run)) *Run {
		run := *runs[1]
		run.Weights = slices.Clone(run.Weights)
		do(&run)
		return &run
	}
	for want, run := range map[string]*Run{
		"the run has no weights":  change(func(r *Run) { r.Weights = r.Weights[1:] }),
		"the network has [784 5]": change(func(r *Run) { r.Network.Hidden = []int{5, 16} }),
		"with batch norm)":        change(func(r *Run) { r.Weights = nil }),
	} {
		if _, err := Logits(run, set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := BatchLogits(runs[1], set, 0); err == nil || !strings.Contains(err.Error(), "batch is 0") {
		t.Errorf("a batch of none: error %v", err)
	}
}

func TestRight(t *testing.T) {
	nan := float32(math.NaN())
	logits := make([]float32, 3*data.Classes)
	logits[7] = 1 // image 0 is a 7
	for i := data.Classes; i < 2*data.Classes; i++ {
		logits[i] = nan // image 1 counts as a 0
	}
	logits[2*data.Classes] = -1 // image 2 is a 1, the first of equals
	for _, test := range []struct {
		labels []uint8
		want   float64
	}{{[]uint8{7, 0, 1}, 1}, {[]uint8{6, 0, 2}, 1. / 3}, {[]uint8{0, 1, 0}, 0}} {
		if got := Right(logits, test.labels); got != test.want {
			t.Errorf("labels %v: %v, want %v", test.labels, got, test.want)
		}
	}
}
