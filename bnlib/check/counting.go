package check

import (
	"fmt"
	"math"
	"strings"

	"batchnorm/bnlib"
	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/internal/engine"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Parameters checks how many numbers a hidden layer with batch normalization has: those that training moves by their gradient, and those
// that it keeps beside them. Both are counted in networks that bnlib builds.
func Parameters(answer func(inputs, units int) (trained, kept int)) Verdict {
	const exercise = "count the parameters"
	if answer == nil {
		return missing(exercise)
	}
	e := bnlib.Article(1)
	e.Hidden = []int{128, 5, 3}
	weights, err := e.With(bnlib.Batch)[0].InitialWeights()
	if err != nil {
		return unchecked(exercise, err)
	}
	var parts []part
	inputs := 784
	for i, units := range e.Hidden {
		trained, kept := 0, 0
		for _, w := range weights {
			switch {
			case !strings.HasPrefix(w.Name, fmt.Sprintf("hidden_%d/", i+1)):
			case w.Trainable:
				trained += len(w.Values)
			default:
				kept += len(w.Values)
			}
		}
		parts = append(parts, counted(fmt.Sprintf("%d inputs, %d units", inputs, units), answer, inputs, units, trained, kept))
		inputs = units
	}
	return verdict(exercise, parts...)
}

// counted compares the two counts of one layer.
func counted(name string, answer func(inputs, units int) (trained, kept int), inputs, units, wantTrained, wantKept int) part {
	var trained, kept int
	if err := engine.TryCatch(func() error { trained, kept = answer(inputs, units); return nil }); err != nil {
		return part{name: name, state: Wrong, says: "your function cannot be run: " + firstLine(err)}
	}
	if trained == 0 && kept == 0 {
		return part{name: name, says: "0 and 0"}
	}
	says := fmt.Sprintf("trained %d, which is %s; kept %d, which is %s", trained, off(trained, wantTrained), kept, off(kept, wantKept))
	state, hint := Wrong, ""
	switch {
	case trained == wantTrained && kept == wantKept:
		state = Right
	case trained == wantTrained+units:
		hint = "One number for each unit too many: what would a bias in front of the normalization do?"
	case trained == wantTrained-2*units:
		hint = "The weights alone: what else does a gradient move?"
	case trained == wantTrained+wantKept && kept == 0:
		hint = "Does a gradient move the moving averages?"
	case trained == wantTrained && kept == 0:
		hint = "What does inference need that no gradient moves?"
	}
	return part{name, state, says, hint}
}

// off says how far a count is from the right one.
func off(got, want int) string {
	switch {
	case got > want:
		return fmt.Sprintf("%d too many", got-want)
	case got < want:
		return fmt.Sprintf("%d too few", want-got)
	}
	return "right"
}

// Epsilon checks the standard deviation of x̂ where that of x is not large against √ε: of units with given variances it is measured in
// float64.
func Epsilon(answer func(variance float64) (std float64)) Verdict {
	const exercise = "what epsilon does"
	if answer == nil {
		return missing(exercise)
	}
	variances := []float64{1e-6, 1e-3, 0.1, 100}
	on, err := backend.Open()
	if err != nil {
		return unchecked(exercise, err)
	}
	high, low := make([]float64, len(variances)), make([]float64, len(variances))
	for i, v := range variances {
		high[i], low[i] = math.Sqrt(v), -math.Sqrt(v) // two images with this variance
	}
	measured, err := ExecOnce(on, func(x *Node) *Node {
		_, variance := bnlib.BatchStatistics(standardized(x))
		return Reshape(Sqrt(variance), -1)
	}, tensors.FromValue([][]float64{high, low}))
	if err != nil {
		return unchecked(exercise, err)
	}
	want := tensors.MustCopyFlatData[float64](measured)
	var parts []part
	for i, v := range variances {
		name := fmt.Sprintf("variance %g", v)
		got := math.NaN()
		if err := engine.TryCatch(func() error { got = answer(v); return nil }); err != nil {
			return failed(exercise, err)
		}
		s := math.Sqrt(v)
		parts = append(parts, number(name, got, want[i], 1e-6,
			mistake[float64]{want[i] * want[i], "That is the variance of x̂."},
			mistake[float64]{1, "It would be right without epsilon."},
			mistake[float64]{s / (s + bnlib.Epsilon), "Epsilon is added to the standard deviation here: where does it stand in the equation?"},
			mistake[float64]{math.Sqrt(v + bnlib.Epsilon), "That is what x is divided by."},
			mistake[float64]{1 / math.Sqrt(v+bnlib.Epsilon), "That is what x is multiplied by: what was its own standard deviation?"}))
	}
	return verdict(exercise, parts...)
}
