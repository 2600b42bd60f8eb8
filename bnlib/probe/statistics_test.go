package probe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// summarizeSorted is summarize by sorting, from the definitions.
func summarizeSorted(s *Signal, values []float32, act activationKind) {
	nan := math.NaN()
	s.Saturated, s.Dead, s.Mean, s.Std = nan, nan, nan, nan
	s.Histogram = Histogram{Min: nan, Max: nan, Counts: make([]int, 60)}
	s.Percentiles = [5]float64{nan, nan, nan, nan, nan}
	var v []float64
	for _, x := range values {
		if x-x == 0 { // finite
			v = append(v, float64(x))
		}
	}
	s.NotFinite = len(values) - len(v)
	if act == reluActivation {
		dead := 0
		for u := range s.Units {
			alive := false
			for i := u; i < len(values); i += s.Units {
				alive = alive || max(values[i], 0) != 0
			}
			if !alive {
				dead++
			}
		}
		s.Dead = float64(dead) / float64(s.Units)
	}
	if len(v) == 0 {
		return
	}
	slices.Sort(v)
	n := float64(len(v))
	s.Mean, s.Std = 0, 0
	saturated := 0.0
	for _, x := range v {
		s.Mean += x / n
		p := 1 / (1 + math.Exp(-x))
		switch act {
		case sigmoidActivation:
			if p*(1-p) < .01 {
				saturated++
			}
		case tanhActivation:
			if 1-math.Tanh(x)*math.Tanh(x) < .01 {
				saturated++
			}
		}
	}
	if act == sigmoidActivation || act == tanhActivation {
		s.Saturated = saturated / n
	}
	low, high := v[0], v[len(v)-1]
	s.Histogram.Min, s.Histogram.Max = low, high
	for _, x := range v {
		s.Std += (x - s.Mean) * (x - s.Mean) / n
		bin := 0
		if high > low {
			bin = min(int((x-low)/(high-low)*60), 59)
		}
		s.Histogram.Counts[bin]++
	}
	s.Std = math.Sqrt(s.Std)
	for i, p := range []float64{5, 15, 50, 85, 95} {
		at := p / 100 * (n - 1)
		k := int(at)
		s.Percentiles[i] = v[k] + (at-float64(k))*(v[min(k+1, len(v)-1)]-v[k])
	}
}

func TestSummarize(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	draws := func(n int, draw func(i int) float32) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = draw(i)
		}
		return values
	}
	normal := func(int) float32 { return float32(3 * rng.NormFloat64()) }
	for name, values := range map[string][]float32{
		"normal":             draws(20000, normal),
		"few":                draws(8, normal),
		"one":                {2.5, 2.5, 2.5, 2.5},
		"all over the place": draws(20000, func(int) float32 { return float32(math.Pow(10, 60*rng.Float64()-30)) }),
		"one far away":       append(draws(19996, normal), 3e38, 2e38, 1, 1),
		"mostly zeros":       draws(20000, func(i int) float32 { return normal(i) * float32(rng.IntN(3)/2) }),
		"whole numbers":      draws(20000, func(int) float32 { return float32(rng.IntN(12)) }),
		"some not finite":    append(draws(100, normal), nan, inf, -inf, nan),
		"dead units":         draws(400, func(i int) float32 { return normal(i)*float32(i%4%2) - float32(1-i%4%2) }),
		"negative infinity":  {-inf, -1, -inf, 1},
		"none finite":        {nan, inf, -inf, nan, nan, nan, nan, nan},
	} {
		for act := noActivation; act <= reluActivation; act++ {
			t.Run(fmt.Sprint(name, act), func(t *testing.T) {
				before := slices.Clone(values)
				got, want := Signal{Units: 4}, Signal{Units: 4}
				summarize(&got, values, act)
				summarizeSorted(&want, values, act)
				if !slices.EqualFunc(before, values, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) {
					t.Error("the values were changed")
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 1e-12)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func BenchmarkSummarize(b *testing.B) {
	values := make([]float32, 500*128)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	for b.Loop() {
		summarize(&Signal{Units: 128}, values, reluActivation)
	}
}
