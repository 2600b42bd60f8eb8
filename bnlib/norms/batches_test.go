package norms

import (
	"fmt"
	"math"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/plain"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// variable returns the numbers of a variable of the layer.
func (l *layer) variable(path string) []float64 {
	l.t.Helper()
	v := l.store.GetVariable(path)
	if v == nil {
		l.t.Fatalf("no variable %s", path)
	}
	return tensors.MustCopyFlatData[float64](v.MustValue())
}

// withGradient returns y and the gradient of Σ w·y.
func (l *layer) withGradient(x, w []float64) [][]float64 {
	l.t.Helper()
	return l.call(true, x, func(x, y *Node) []*Node {
		return Gradient(ReduceAllSum(Mul(y, Const(x.Graph(), tensors.FromFlatDataAndDimensions(w, images, units)))), x)
	})
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if d := plain.Difference(got, want); !(d <= tolerance) {
		t.Errorf("%s: off by %.3g of the largest\n got %v\nwant %v", what, d, got, want)
	}
}

// TestGhost holds ghosts of 5 among 12 images, two and two images left over, to batch normalization of each alone, and the averages to
// three steps of it.
func TestGhost(t *testing.T) {
	x := drawn(1, images*units)
	l := newLayer(t, Ghost(5).Apply)
	y := l.output(true, x)
	ghost := func(i, j int) int { return units*i + j } // of an image and a unit, by image modulo 2, or 2 for what is left over
	of := func(i, j int) int {
		if i >= 10 {
			return ghost(2, j)
		}
		return ghost(i%2, j)
	}
	mean, variance, _ := groups(x, of)
	want := make([]float64, len(x))
	for k := range x {
		i, j := k/units, k%units
		want[k] = standardized(x[k], mean(i, j), variance(i, j), 0)
	}
	near(t, "output", y, want, 1e-9)
	movingMean, movingVariance := make([]float64, units), make([]float64, units)
	for j := range units {
		movingVariance[j] = 1
		for _, i := range []int{0, 1, 10} { // an image of each ghost
			movingMean[j] = bnlib.Momentum*movingMean[j] + (1-bnlib.Momentum)*mean(i, j)
			movingVariance[j] = bnlib.Momentum*movingVariance[j] + (1-bnlib.Momentum)*variance(i, j)
		}
	}
	near(t, "moving mean", l.variable("/batch_norm/moving_mean"), movingMean, 1e-6)
	near(t, "moving variance", l.variable("/batch_norm/moving_variance"), movingVariance, 1e-6)

	w := drawn(4, images*units)
	for _, size := range []int{images, images + 1} {
		ghost, batch := newLayer(t, Ghost(size).Apply), newLayer(t, bnlib.BatchNorm)
		for k, what := range []string{"output", "gradient"} {
			near(t, fmt.Sprintf("one ghost of %d: %s", size, what), ghost.withGradient(x, w)[k], batch.withGradient(x, w)[k], 1e-9)
		}
		near(t, "inference", ghost.output(false, x), batch.output(false, x), 1e-6)
	}
}

// TestMomentum holds the averages after some steps to the weighted sum of the minibatches' statistics.
func TestMomentum(t *testing.T) {
	batches := [][]float64{drawn(1, images*units), drawn(2, images*units), drawn(3, images*units)}
	for _, momentum := range []float64{0, 0.9, bnlib.Momentum} {
		for _, debiased := range []bool{false, true} {
			l, batch := newLayer(t, Momentum(momentum, debiased).Apply), newLayer(t, bnlib.BatchNorm)
			sum, weights := make([]float64, units), 0.0
			for i, x := range batches {
				near(t, "training", l.output(true, x), batch.output(true, x), 1e-9)
				mean, _, _ := groups(x, unit)
				weight := (1 - momentum) * math.Pow(momentum, float64(len(batches)-1-i))
				weights += weight
				for j := range sum {
					sum[j] += weight * mean(0, j)
				}
			}
			if debiased {
				for j := range sum {
					sum[j] /= weights
				}
			}
			near(t, fmt.Sprintf("momentum %v, debiased %v: moving mean", momentum, debiased), l.variable("/batch_norm/moving_mean"), sum, 1e-6)
			if momentum == bnlib.Momentum && !debiased {
				near(t, "moving variance", l.variable("/batch_norm/moving_variance"), batch.variable("/batch_norm/moving_variance"), 1e-6)
			}
		}
	}
}

// TestRenorm takes the three regimes of batch renormalization: clipped to nothing and while it warms up it is batch normalization; not
// clipped it normalizes with the averages, and the gradient is batch normalization's times r; between, r and d are at their limits.
func TestRenorm(t *testing.T) {
	x, w := drawn(1, images*units), drawn(4, images*units)
	batch := newLayer(t, bnlib.BatchNorm).withGradient(x, w)
	mean, variance, _ := groups(x, unit)
	m, s := 0.2, 0.5 // the averages
	for _, c := range []struct {
		name              string
		rMax, dMax        float64
		warmup, stepsDone int
		r, d              func(j int) float64
	}{
		{"clipped to nothing", 1, 0, 0, 7, func(int) float64 { return 1 }, func(int) float64 { return 0 }},
		{"warming up", 100, 100, 8, 8, func(int) float64 { return 1 }, func(int) float64 { return 0 }},
		{"not clipped", 100, 100, 8, 16,
			func(j int) float64 { return math.Sqrt(variance(0, j)+bnlib.Epsilon) / s }, func(j int) float64 { return (mean(0, j) - m) / s }},
		{"not clipped, without warming up", 100, 100, 0, 0,
			func(j int) float64 { return math.Sqrt(variance(0, j)+bnlib.Epsilon) / s }, func(j int) float64 { return (mean(0, j) - m) / s }},
		{"half open", 1.2, 0.2, 8, 12,
			func(j int) float64 { return min(1.1, max(1/1.1, math.Sqrt(variance(0, j)+bnlib.Epsilon)/s)) },
			func(j int) float64 { return min(0.1, max(-0.1, (mean(0, j)-m)/s)) }},
	} {
		l := newLayer(t, Renorm(c.rMax, c.dMax, c.warmup).Apply)
		l.output(true, x) // creates the variables
		ofAll := func(v float64) []float64 {
			all := make([]float64, units)
			for j := range all {
				all[j] = v
			}
			return all
		}
		l.set("/batch_norm/moving_mean", ofAll(m))
		l.set("/batch_norm/moving_std", ofAll(s))
		l.set("/batch_norm/steps", []float64{float64(c.stepsDone)})
		got := l.withGradient(x, w)
		y, dx := make([]float64, len(x)), make([]float64, len(x))
		for k := range x {
			j := k % units
			y[k], dx[k] = batch[0][k]*c.r(j)+c.d(j), batch[1][k]*c.r(j)
		}
		near(t, c.name+": output", got[0], y, 1e-6)
		near(t, c.name+": gradient", got[1], dx, 1e-6)
		if steps := l.variable("/batch_norm/steps")[0]; steps != float64(c.stepsDone+1) {
			t.Errorf("%s: %v steps after %d and one", c.name, steps, c.stepsDone)
		}
		std := make([]float64, units)
		for j := range std {
			std[j] = bnlib.Momentum*s + (1-bnlib.Momentum)*math.Sqrt(variance(0, j)+bnlib.Epsilon)
		}
		near(t, c.name+": moving std", l.variable("/batch_norm/moving_std"), std, 1e-6)
		inference := l.output(false, x)
		moving := l.variable("/batch_norm/moving_mean")
		for k := range x {
			y[k] = (x[k] - moving[k%units]) / std[k%units]
		}
		near(t, c.name+": inference", inference, y, 1e-6)
	}
}
