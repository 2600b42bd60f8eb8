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

// acrossImagesPlainly is what acrossImages returns, from the definitions. values is [images, units].
func acrossImagesPlainly(values []float64, units int) (overImages, cosine float64) {
	n := len(values) / units
	for u := range units {
		mean := 0.0
		for i := range n {
			mean += values[i*units+u] / float64(n)
		}
		for i := range n {
			overImages += math.Pow(values[i*units+u]-mean, 2) / float64(n*units)
		}
	}
	dot := func(i, k int) (sum float64) {
		for u := range units {
			sum += values[i*units+u] * values[k*units+u]
		}
		return sum
	}
	for i := range n - 1 {
		cosine += dot(i, i+1) / math.Sqrt(dot(i, i)*dot(i+1, i+1)) / float64(n-1)
	}
	return math.Sqrt(overImages), cosine
}

func TestAcrossImages(t *testing.T) {
	nan := math.NaN()
	inf := float32(math.Inf(1))
	for name, c := range map[string]struct {
		values             []float32
		overImages, cosine float64
	}{
		"alike":              {[]float32{1, 2, 1, 2, 1, 2}, 0, 1},
		"opposite":           {[]float32{1, 2, -1, -2}, math.Sqrt(2.5), -1},
		"right angles":       {[]float32{1, 0, 0, 1, 1, 0}, math.Sqrt(2. / 9), 0},
		"an image of zeros":  {[]float32{1, 1, 0, 0, 1, 1, 1, 1}, math.Sqrt(3. / 16), 1},
		"all zeros":          {make([]float32, 8), 0, nan},
		"one image":          {[]float32{3, 4}, 0, nan},
		"as large as can be": {[]float32{3e38, 3e38, 3e38, 3e38}, 0, 1},
		"infinite":           {[]float32{inf, 1, 2, 3}, nan, nan},
		"not a number":       {[]float32{float32(nan), 1, 2, 3}, nan, nan},
	} {
		layer := Layer{images: len(c.values) / 2}
		got := layer.acrossImages(c.values)
		if diff := cmp.Diff([]float64{c.overImages, c.cosine}, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 1e-12)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
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

// TestOfAnotherHook gives what another hook saw for what Signals and Norms see.
func TestOfAnotherHook(t *testing.T) {
	for name, h := range map[string]*History{
		"nothing":     {Steps: []int{0}, Values: [][][]float64{{}}},
		"one number":  {Steps: []int{0}, Names: []string{"mine"}, Values: [][][]float64{{{1}}}},
		"an array":    {Steps: []int{0}, Names: []string{"loss"}, Values: [][][]float64{{{1, 2, 3}}}},
		"two records": {Steps: []int{0}, Names: []string{"a", "b"}, Values: [][][]float64{{{1}, {1, 2}}}},
	} {
		for step, signals := range SignalsOf(h) {
			if len(signals) != 0 || len(NormsOf(h, func(string) float64 { return 1 })[step]) != 0 {
				t.Errorf("%s: signals %v, norms %v", name, signals, NormsOf(h, nil))
			}
		}
	}
}
