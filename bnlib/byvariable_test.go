package bnlib

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestByVariableErrors names variables that there are not, or twice.
func TestByVariableErrors(t *testing.T) {
	for _, c := range []struct {
		edit func(e *Experiment)
		want []string // in the message
	}{
		{func(e *Experiment) { e.Rates = Frozen("hiden_1") }, []string{`Experiment.Rates["hiden_1"] fits no variable`, "allowed", "hidden_1/dense/weights", "logits/dense/biases"}},
		{func(e *Experiment) { e.Stds = ByVariable{"hidden_1/dense/weight": 1} }, []string{`Experiment.Stds["hidden_1/dense/weight"] fits no variable`}},
		{func(e *Experiment) { e.Decay = ByVariable{"hidden_[": 1} }, []string{`Experiment.Decay["hidden_["] is malformed`}},
		{func(e *Experiment) { e.Rates = Frozen("hidden_1/batch_norm/moving_mean") }, []string{`"hidden_1/batch_norm/moving_mean"`, "fits no variable"}}, // it is not trained
		{func(e *Experiment) { e.Rates = ByVariable{"hidden_*": 1, "hidden_2/dense": 2} },
			[]string{"Experiment.Rates has two numbers for hidden_2/dense/weights", `"hidden_*" and "hidden_2/dense"`, "allowed: one"}},
		{func(e *Experiment) { e.Rates = ByVariable{"logits": -1} }, []string{`Experiment.Rates["logits"] is -1`, "allowed: a finite number, 0 or above"}},
		{func(e *Experiment) { e.Decay = ByVariable{"logits": -.5} }, []string{`Experiment.Decay["logits"] is -0.5`, "allowed"}},
		{func(e *Experiment) { e.Stds = ByVariable{"logits": -2} }, []string{`Experiment.Stds["logits"] is -2`, "allowed"}},
	} {
		e := short(1)
		c.edit(&e)
		_, err := Train(context.Background(), e.With(Batch), options(t))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "bnlib: ") {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	}
}

func TestByVariable(t *testing.T) {
	b := ByVariable{"hidden_*/batch_norm": 2, "hidden_?/dense/weights": 3, "logits": 4}
	for variable, want := range map[string]float64{
		"hidden_1/batch_norm/gamma": 2,
		"hidden_12/batch_norm/beta": 2,
		"hidden_1/dense/weights":    3,
		"hidden_12/dense/weights":   9,
		"hidden_1/dense/biases":     9,
		"logits/dense/biases":       4,
		"logits_2/dense/biases":     9,
		"other/logits":              9,
	} {
		if got := b.of(variable, 9); got != want {
			t.Errorf("%s: %v, want %v", variable, got, want)
		}
	}
}

// A key may fit the variables of one network of a pair only: the plain one has no gamma.
func TestByVariableOfOneOfAPair(t *testing.T) {
	e := short(1)
	e.Rates = Frozen("hidden_*/batch_norm")
	for _, w := range compare(t, e, options(t))[1].Weights {
		start := map[string]float32{"gamma": 1, "beta": 0}
		for name, want := range start {
			if strings.HasSuffix(w.Name, name) && slices.ContainsFunc(w.Values, func(v float32) bool { return v != want }) {
				t.Errorf("%s moved", w.Name)
			}
		}
	}
}
