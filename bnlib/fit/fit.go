// Package fit puts straight lines and power laws through measurements, by least squares, with the errors of what it finds.
package fit

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// Line is y = Intercept + Slope·x. The errors are standard errors, from the residuals, which takes three points or more; of two
// they are NaN.
type Line struct {
	Slope, Intercept           float64
	SlopeError, InterceptError float64
	RSquared                   float64 // share of y's variance that the line explains; NaN if y has none
	N                          int     // points
}

// Straight fits a line to points, all weighted alike. x and y are of equal length, two or more, finite, and x has two different
// values; anything else is an error.
func Straight(x, y []float64) (Line, error) {
	if len(x) != len(y) || len(x) < 2 {
		return Line{}, fmt.Errorf("fit: x has %d values and y %d; allowed: as many, two or more", len(x), len(y))
	}
	for i := range x {
		if !finite(x[i]) || !finite(y[i]) {
			return Line{}, fmt.Errorf("fit: x[%d] is %v and y[%d] %v; allowed: finite numbers", i, x[i], i, y[i])
		}
	}
	mean, variance := stat.PopMeanVariance(x, nil)
	if variance == 0 {
		return Line{}, fmt.Errorf("fit: all of x is %v; allowed: two different values or more", x[0])
	}
	l := Line{N: len(x)}
	l.Intercept, l.Slope = stat.LinearRegression(x, y, nil, false)
	l.RSquared = stat.RSquared(x, y, nil, l.Intercept, l.Slope)
	var squares float64
	for i := range x {
		residual := y[i] - l.At(x[i])
		squares += residual * residual
	}
	n := float64(l.N)
	l.SlopeError = math.Sqrt(squares / (n - 2) / (n * variance))
	l.InterceptError = l.SlopeError * math.Sqrt(variance+mean*mean)
	if l.N == 2 {
		l.SlopeError, l.InterceptError = math.NaN(), math.NaN()
	}
	return l, nil
}

// At returns the line's value.
func (l Line) At(x float64) float64 { return l.Intercept + l.Slope*x }

// Law is a power law, y = Factor·x^Exponent. Its errors are those of a line through logarithms: Error is the exponent's, and the factor
// is uncertain by exp(±FactorError).
type Law struct {
	Exponent, Factor   float64
	Error, FactorError float64
	RSquared           float64 // of the logarithms
	N                  int
}

// Power fits a power law to points, their logarithms all weighted alike. x and y are those of Straight, and above 0.
func Power(x, y []float64) (Law, error) {
	if len(x) != len(y) {
		return Law{}, fmt.Errorf("fit: x has %d values and y %d; allowed: as many, two or more", len(x), len(y))
	}
	logX, logY := make([]float64, len(x)), make([]float64, len(y))
	for i := range x {
		if !(x[i] > 0) || !(y[i] > 0) {
			return Law{}, fmt.Errorf("fit: x[%d] is %v and y[%d] %v; allowed: numbers above 0", i, x[i], i, y[i])
		}
		logX[i], logY[i] = math.Log(x[i]), math.Log(y[i])
	}
	l, err := Straight(logX, logY)
	if err != nil {
		return Law{}, err
	}
	return Law{Exponent: l.Slope, Factor: math.Exp(l.Intercept), Error: l.SlopeError, FactorError: l.InterceptError, RSquared: l.RSquared, N: l.N}, nil
}

// At returns the law's value.
func (l Law) At(x float64) float64 { return l.Factor * math.Pow(x, l.Exponent) }

func (l Law) String() string {
	return fmt.Sprintf("x^(%.3g ± %.2g), %d points", l.Exponent, l.Error, l.N)
}

func finite(x float64) bool { return x-x == 0 }
