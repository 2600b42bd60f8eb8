package check

import (
	"context"
	"fmt"
	"math"
	"slices"

	"batchnorm/bnlib"
	"batchnorm/bnlib/internal/engine"
	"batchnorm/bnlib/probe"
)

// Slopes checks two predictions about experiment 1 with batch normalization whose hidden weights start with another standard deviation σ:
// that their gradient is proportional to σ^gradient, and that rates of the hidden weights which are proportional to σ^rate give equal
// trainings (Ioffe and Szegedy 2015, section 3.3). Both are measured, from σ = 1 to σ = 4.
func Slopes(answer func() (gradient, rate float64)) Verdict {
	const exercise = "predict the slopes"
	if answer == nil {
		return missing(exercise)
	}
	var gradient, rate float64
	if err := engine.TryCatch(func() error { gradient, rate = answer(); return nil }); err != nil {
		return failed(exercise, err)
	}
	const base, factor = 4.0, 4.0
	networks := []bnlib.Network{hiddenAt("σ = 1", 1, base), hiddenAt("σ = 4", factor, base)}
	measured := math.NaN()
	if !math.IsNaN(gradient) {
		snapshots, err := bnlib.InitialSignal(context.Background(), networks, nil)
		if err != nil {
			return unchecked(exercise, err)
		}
		measured = math.Log(gradientOf(snapshots[1])/gradientOf(snapshots[0])) / math.Log(factor)
	}
	parts := []part{
		number("exponent of the gradient", gradient, measured, 0.01,
			mistake[float64]{1, "A larger σ gives a larger linear output, and then? What does batch normalization do to that?"},
			mistake[float64]{0, "The output does not change with σ; the derivative with respect to the weights is another matter."},
			mistake[float64]{-2, "Once, not twice: BN(aWu) = BN(Wu), differentiated with respect to aW"}),
	}
	equal := part{name: "exponent of the rate", says: "NaN; wanted: a number"}
	if !math.IsNaN(rate) {
		other := base * math.Pow(factor, rate)
		if !(other >= 1e-6 && other <= 1e6) {
			equal = part{name: equal.name, state: Wrong, says: fmt.Sprintf("%.3g cannot be tried: the rate at σ = 4 would be %.3g", rate, other)}
		} else {
			d, err := apart(hiddenAt("σ = 1", 1, base), hiddenAt("σ = 4", factor, other))
			if err != nil {
				return unchecked(exercise, err)
			}
			equal = alike(equal.name, fmt.Sprintf("%.3g", rate), d, 0.01)
			switch {
			case equal.state == Right:
			case rate == 1:
				equal.hint = "The step falls with the gradient as σ grows, and so does its size relative to the weights: count both"
			case rate == 0:
				equal.hint = "How large is a step, relative to the weights that it changes?"
			case rate == -2 || rate == -1:
				equal.hint = "Larger weights have a smaller gradient: do they need a smaller rate?"
			}
		}
	}
	return verdict(exercise, append(parts, equal)...)
}

// hiddenAt is the beginning of experiment 1 with batch normalization, with a deviation and a rate of the hidden weights of its own.
func hiddenAt(name string, std, rate float64) bnlib.Network {
	e := bnlib.Article(1)
	e.Name, e.Steps, e.Every = name, 60, 60
	e.Stds = bnlib.ByVariable{"hidden_*/dense": std}
	e.Rates = bnlib.ByVariable{"hidden_*/dense": rate}
	return e.With(bnlib.Batch)[0]
}

// gradientOf returns the norm of the gradient of the first layer's weights.
func gradientOf(s probe.Snapshot) float64 {
	i := slices.IndexFunc(s.Parameters, func(p probe.ParameterSizes) bool { return p.Name == "hidden_1/dense/weights" })
	return s.Parameters[i].Gradient
}

// apart trains two networks and returns by how much their training losses differ, relative to one another, in the median step.
func apart(a, b bnlib.Network) (float64, error) {
	runs, err := bnlib.Train(context.Background(), []bnlib.Network{a, b}, nil)
	if err != nil {
		return 0, err
	}
	var differences []float64
	for i, x := range runs[0].Losses {
		d := math.Abs(float64(runs[1].Losses[i])/float64(x) - 1)
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		differences = append(differences, d)
	}
	return bnlib.NewSpread(differences...).Median, nil
}

// alike says whether two trainings are the same, within a relative difference of their losses.
func alike(name, yours string, difference, within float64) part {
	says := fmt.Sprintf("%s; with it the training losses differ by %.2g%% in the median step; allowed: %g%%", yours, 100*difference, 100*within)
	if difference <= within {
		return part{name: name, state: Right, says: says}
	}
	return part{name: name, state: Wrong, says: says}
}

// UndoingRate checks the learning rate of the hidden weights with which experiment 1 with batch normalization trains as it does, although
// they start with a standard deviation of 3 instead of 0.05.
func UndoingRate(answer func() float64) Verdict {
	const exercise = "undo a deviation of 3"
	if answer == nil {
		return missing(exercise)
	}
	var rate float64
	if err := engine.TryCatch(func() error { rate = answer(); return nil }); err != nil {
		return failed(exercise, err)
	}
	const name = "rate"
	switch {
	case math.IsNaN(rate):
		return verdict(exercise, part{name: name, says: "NaN; wanted: a number"})
	case !(rate >= 0 && rate <= 1e6):
		return verdict(exercise, part{name: name, state: Wrong, says: fmt.Sprintf("%.3g cannot be tried; allowed: 0 to 1e6", rate)})
	}
	e := bnlib.Article(1)
	d, err := apart(hiddenAt("experiment 1", e.InitStd, e.LearningRate), hiddenAt("σ = 3", 3, rate))
	if err != nil {
		return unchecked(exercise, err)
	}
	p := alike(name, fmt.Sprintf("%.3g", rate), d, 0.01)
	switch {
	case p.state == Right:
	case rate == e.LearningRate:
		p.hint = "The rate has not changed, and the weights are 60 times as large."
	case math.Abs(rate-e.LearningRate*3/e.InitStd) < 1e-9:
		p.hint = "That is as many times larger as the weights are: what became of their gradient?"
	case rate < e.LearningRate:
		p.hint = "A smaller rate: are steps too large here, or too small?"
	}
	return verdict(exercise, p)
}

// Undone are networks to look at beside one another: experiment 1 with batch normalization, the same with hidden weights that start with a
// standard deviation of 3, and, unless rate is NaN, the latter with that rate for its hidden weights.
func Undone(rate float64) []bnlib.Network {
	e := bnlib.Article(1)
	named := func(n bnlib.Network, name, color string, dashed bool) bnlib.Network {
		n.Name, n.Steps, n.Every = "Experiment 1", 300, 10
		n.Norm.Name, n.Norm.Color, n.Norm.Dashed = name, color, dashed
		return n
	}
	networks := []bnlib.Network{
		named(hiddenAt("", e.InitStd, e.LearningRate), "deviation 0.05, rate 0.01", bnlib.Batch.Color, false),
		named(hiddenAt("", 3, e.LearningRate), "deviation 3, rate 0.01", "#7a3e9d", false),
	}
	if rate >= 0 && rate <= 1e6 {
		networks = append(networks, named(hiddenAt("", 3, rate), fmt.Sprintf("deviation 3, rate %.4g", rate), "#188038", true))
	}
	return networks
}
