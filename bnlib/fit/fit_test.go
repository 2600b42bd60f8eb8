package fit

import (
	"fmt"
	"math"
	"testing"
)

// Pearson's data as York (1966) has it; what is wanted comes from the normal equations, worked out by another program.
func TestStraight(t *testing.T) {
	x := []float64{0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4}
	y := []float64{5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5}
	l, err := Straight(x, y)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"slope", l.Slope, -0.53957727}, {"intercept", l.Intercept, 5.76118519}, {"slope's error", l.SlopeError, 0.04212655},
		{"intercept's error", l.InterceptError, 0.18948520}, {"R²", l.RSquared, 0.95350386}} {
		if math.Abs(c.got-c.want) > 1e-6 {
			t.Errorf("%s is %.8f; want %.8f", c.name, c.got, c.want)
		}
	}
}

func ExamplePower() {
	steps := []float64{100, 200, 400, 800}
	norms := make([]float64, len(steps))
	for i, t := range steps {
		norms[i] = 3 * math.Pow(t, 0.25)
	}
	law, err := Power(steps, norms)
	fmt.Printf("%.3f·t^%.3f %v\n", law.Factor, law.Exponent, err)
	// Output: 3.000·t^0.250 <nil>
}

func TestRefuses(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct{ x, y []float64 }{{nil, nil}, {[]float64{1}, []float64{1}}, {[]float64{1, 2}, []float64{1}},
		{[]float64{1, 1}, []float64{1, 2}}, {[]float64{1, nan}, []float64{1, 2}}, {[]float64{1, 2}, []float64{1, math.Inf(1)}}} {
		if _, err := Straight(c.x, c.y); err == nil {
			t.Errorf("Straight(%v, %v) gives no error", c.x, c.y)
		}
		if _, err := Power(c.x, c.y); err == nil {
			t.Errorf("Power(%v, %v) gives no error", c.x, c.y)
		}
	}
	if _, err := Power([]float64{0, 1}, []float64{1, 2}); err == nil {
		t.Error("Power takes an x of 0")
	}
	if l, err := Straight([]float64{1, 2}, []float64{1, 3}); err != nil || !math.IsNaN(l.SlopeError) {
		t.Errorf("of two points the slope's error is %v, %v; want NaN", l.SlopeError, err)
	}
}
