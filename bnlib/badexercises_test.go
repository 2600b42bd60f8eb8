package bnlib_test

import (
	"errors"
	"math"

	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/check"
	"batchnorm/bnlib/plot"
)

// badExercises hands every check of an exercise an answer that is no function: the verdict says so.
func badExercises() (all []bad) {
	for name, answer := range map[string]func() check.Verdict{
		"Normalized":        func() check.Verdict { return check.Normalized(nil) },
		"Parameters":        func() check.Verdict { return check.Parameters(nil) },
		"Epsilon":           func() check.Verdict { return check.Epsilon(nil) },
		"MovingAverages":    func() check.Verdict { return check.MovingAverages(nil) },
		"Inference":         func() check.Verdict { return check.Inference(nil) },
		"LayerNorm":         func() check.Verdict { return check.LayerNorm(nil) },
		"GhostNorm":         func() check.Verdict { return check.GhostNorm(nil) },
		"Backward":          func() check.Verdict { return check.Backward(nil) },
		"FlowingStatistics": func() check.Verdict { return check.FlowingStatistics(nil) },
		"Modes":             func() check.Verdict { return check.Modes(nil) },
		"OneImage":          func() check.Verdict { return check.OneImage(nil) },
		"Folding":           func() check.Verdict { return check.Folding(nil) },
		"Population":        func() check.Verdict { return check.Population(nil) },
		"Gap":               func() check.Verdict { return check.Gap(nil) },
		"Slopes":            func() check.Verdict { return check.Slopes(nil) },
		"UndoingRate":       func() check.Verdict { return check.UndoingRate(nil) },
		"Experiment7":       func() check.Verdict { return check.Experiment7(nil) },
	} {
		all = append(all, bad{"check." + name, func() error { return errors.New(answer().String()) }, []string{"not answered: the answer is nil; wanted: a function"}})
	}
	rates := func() error {
		if n := len(check.Undone(math.NaN())) + len(check.Undone(-1)) + len(check.Undone(math.Inf(1))); n != 6 {
			return errors.New("a network is trained at a rate that is none")
		}
		return errors.New("two networks each")
	}
	return append(all, bad{"check.Undone", rates, []string{"two networks each"}},
		bad{"chart.Exercises", writes(func() *plot.Table { return chart.Exercises(check.Verdict{State: 9}) }), []string{"State(9)", "0 of 1 right"}})
}
