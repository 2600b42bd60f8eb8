package bnlib

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"
)

// jaxLosses is the training losses of the study's first steps in JAX, from the same initial weights on the same minibatches.
// A list ends before the first loss that is not finite.
type jaxLosses struct {
	From     string // versions, and the command that made the file
	Networks []struct{ Float32, Float64 []float64 }
}

// TestAgainstJAX trains the sixteen networks of the article and compares their losses with JAX's.
//
// Some of the experiments are chaotic: a difference in the last digit of a sum grows tenfold in a few steps, and two correct
// programs in float32 part. How far is known from JAX itself, in float32 and in float64. A loss must be within 1e-5 of the one in
// float64, relative to it, or at most ten times as far from it as JAX's in float32 has been up to that step.
func TestAgainstJAX(t *testing.T) {
	text, err := os.ReadFile("testdata/jax_losses.json")
	if err != nil {
		t.Fatal(err)
	}
	var jax jaxLosses
	if err := json.Unmarshal(text, &jax); err != nil {
		t.Fatal(err)
	}
	const steps = 200
	var networks []Network
	for _, e := range Article[1:] {
		e.Steps, e.Every = steps, steps
		networks = append(networks, e.Pair()...)
	}
	if len(jax.Networks) != len(networks) {
		t.Fatalf("the file has %d networks, want %d", len(jax.Networks), len(networks))
	}
	runs, err := Train(context.Background(), networks, options(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, run := range runs {
		name := run.Network.describe()
		single, double := jax.Networks[i].Float32, jax.Networks[i].Float64
		if len(single) < steps {
			if step := len(single) + 1; run.DivergedAt < step-1 || run.DivergedAt > step+1 {
				t.Errorf("%s: diverged at step %d, in JAX at %d", name, run.DivergedAt, step)
			}
		} else if run.Status != Finished {
			t.Errorf("%s: %v, in JAX finite", name, run.Status)
		}
		jaxFar, far, agreed := 0.0, 0.0, 0
		for k := range min(len(single), len(double), len(run.Losses)) {
			ours := float64(run.Losses[k])
			jaxFar = max(jaxFar, math.Abs(single[k]/double[k]-1))
			far = max(far, math.Abs(ours/double[k]-1))
			if !(far <= max(1e-5, 10*jaxFar)) {
				t.Errorf("%s, step %d: loss %v, in JAX %v in float64 and %v in float32, which has been within %.1g of it",
					name, k+1, ours, double[k], single[k], jaxFar)
				break
			}
			if far <= 1e-4 {
				agreed = k + 1
			}
		}
		t.Logf("%s: within 1e-4 for %d of %d steps; then it differs by up to %.1g, JAX in float32 by %.1g",
			name, agreed, len(single), far, jaxFar)
	}
}
