package bnlib

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// jaxLosses is the losses of the study's first steps in JAX, from the same initial weights on the same minibatches: what
// recording in compare/record.go describes.
type jaxLosses struct {
	Networks []struct {
		Float64, Spread []float64
		Ends            [2]int
	}
}

// TestAgainstJAX trains the sixteen networks of the article and compares their training losses, and the validation loss after the
// last step, with JAX's in float64.
//
// Some of the experiments are chaotic: a difference in the last digit of a sum grows tenfold in a few steps, and two correct
// programs in float32 part. How far is known from JAX in float32, which sums in many orders. A loss must be within 1e-5 of the
// one in float64, relative to it, or at most ten times as far from it as one of these has been up to that step. Where these
// are further from it than undetermined, there is nothing left to compare.
func TestAgainstJAX(t *testing.T) {
	const (
		steps        = 200
		undetermined = 1e-3
	)
	text, err := os.ReadFile("testdata/jax_losses.json")
	if err != nil {
		t.Fatal(err)
	}
	var jax jaxLosses
	if err := json.Unmarshal(text, &jax); err != nil {
		t.Fatal(err)
	}
	var networks []Network
	for _, e := range ArticleAll() {
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
		name, recorded := run.Network.describe(), jax.Networks[i]
		losses := append(slices.Clone(run.Losses), float32(run.Points[len(run.Points)-1].Loss))
		spread, far, compared := 0.0, 0.0, 0
		for k, s := range recorded.Spread {
			spread = max(spread, s)
			if spread > undetermined {
				break
			}
			far = max(far, math.Abs(float64(losses[k])/recorded.Float64[k]-1))
			if !(far <= max(1e-5, 10*spread)) {
				t.Errorf("%s, loss %d: %v, in JAX %v in float64, from which float32 is up to %.1g away", name, k+1,
					losses[k], recorded.Float64[k], spread)
				break
			}
			compared = k + 1
		}
		if compared == len(recorded.Spread) {
			// The last finite losses grow so fast that one more or less is a matter of the last digits.
			end := slices.IndexFunc(losses, func(x float32) bool { return !finite(float64(x)) })
			if end < 0 {
				end = len(losses)
			}
			if end < recorded.Ends[0]-1 || end > recorded.Ends[1]+1 {
				t.Errorf("%s: %d finite losses, in JAX %d to %d", name, end, recorded.Ends[0], recorded.Ends[1])
			}
		}
		t.Logf("%s: %d of %d losses compared, in which ours is within %.1g of float64; float32 in JAX is then up to %.1g away",
			name, compared, len(recorded.Spread), far, spread)
	}
}
