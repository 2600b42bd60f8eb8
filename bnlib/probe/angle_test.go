package probe_test

import (
	"math"
	"testing"

	"batchnorm/bnlib"
	"batchnorm/bnlib/probe"
)

const matrix = "hidden_1/dense/weights"

// weightsOf returns a matrix of a run after its last step.
func weightsOf(t *testing.T, run *bnlib.Run, name string) []float64 {
	t.Helper()
	w, ok := run.Weight(name)
	if !ok {
		t.Fatalf("no variable %s", name)
	}
	all := make([]float64, len(w.Values))
	for i, v := range w.Values {
		all[i] = float64(v)
	}
	return all
}

func dot(x, y []float64) (sum float64) {
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// TestAngles holds what the hook says of one step against the weights before and after it, without and with decay.
func TestAngles(t *testing.T) {
	for _, decay := range []float64{0, 3} {
		var weights [3][]float64 // after 0, 4 and 5 steps
		var angles []probe.Angle
		for i, steps := range []int{0, 4, 5} {
			e := short(1)
			e.LearningRate, e.Steps = 0.1, max(1, steps)
			if steps == 0 {
				e.LearningRate = 0
			}
			e.Decay = bnlib.ByVariable{"hidden_*/dense": decay}
			run := train(t, e.With(bnlib.Batch), probe.Angles.At(0, e.Steps-1))[0]
			weights[i] = weightsOf(t, run, matrix)
			angles = probe.AnglesOf(run.Seen[probe.Angles.Name], matrix)
		}
		a, w, next := angles[len(angles)-1], weights[1], weights[2]
		near := func(what string, got, want, tolerance float64) {
			t.Helper()
			if !(math.Abs(got-want) <= tolerance) {
				t.Errorf("decay %v: %s is %.9g, and %.9g of the weights themselves", decay, what, got, want)
			}
		}
		near("‖w‖²", a.Squared, dot(w, w), 1e-9*dot(w, w))
		near("Start", a.Start, dot(weights[0], weights[0]), 1e-9*a.Start)
		near("Along", a.Along, dot(w, weights[0]), 1e-9*a.Start)
		growth := dot(next, next) - dot(w, w)
		near("Growth", a.Growth(0.1, decay), growth, 1e-3*math.Abs(growth))
		turn := math.Acos(dot(w, next) / math.Sqrt(dot(w, w)*dot(next, next)))
		near("Turn", a.Turn(0.1, decay), turn, 1e-3*turn)
		turned := math.Acos(dot(w, weights[0]) / math.Sqrt(dot(w, w)*dot(weights[0], weights[0])))
		near("Turned", a.Turned(), turned, 1e-3*turned)
		if decay == 0 && !(math.Abs(a.Cosine()) < 0.01) {
			t.Errorf("behind batch norm the cosine of weights and gradient is %.3g", a.Cosine())
		}
	}
}

// TestAnglesRight has an angle that is known.
func TestAnglesRight(t *testing.T) {
	a := probe.AngleOf([]float64{4, 9, 3, 1, 2}) // ‖w‖ = 2, ‖g‖ = 3, 60°; w is where it was
	for what, pair := range map[string][2]float64{
		"Cosine": {a.Cosine(), 0.5},
		"Growth": {a.Growth(1, 0), 9 - 6},
		"Turn":   {a.Turn(1, 0), math.Acos((4 - 3) / (2 * math.Sqrt(7)))},
		"decay":  {a.Growth(0.5, 1), 9./4 - 3./2 - 3},
		"Turned": {a.Turned(), 0},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-12 {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
	if a := probe.AngleOf(nil); !math.IsNaN(a.Cosine()) {
		t.Errorf("the cosine of no numbers is %v", a.Cosine())
	}
	if all := probe.AnglesOf(nil, matrix); all != nil {
		t.Errorf("no history has %v", all)
	}
}

// TestAnglesWithoutNorm: a plain network's gradient has no right angle to its weights.
func TestAnglesWithoutNorm(t *testing.T) {
	runs := train(t, short(1).Pair(), probe.Angles)
	var cosine [2]float64
	for i, run := range runs {
		for _, a := range probe.AnglesOf(run.Seen[probe.Angles.Name], "hidden_2/dense/weights") {
			cosine[i] = max(cosine[i], math.Abs(a.Cosine()))
		}
	}
	if !(cosine[0] > 10*cosine[1]) {
		t.Errorf("largest cosine: %.3g without batch norm, %.3g with", cosine[0], cosine[1])
	}
}
